"""What is said of items, and what becomes of it."""
