"""What became of each event, told."""
