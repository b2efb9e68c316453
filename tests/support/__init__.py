"""What several tests need: databases that cost next to nothing."""
