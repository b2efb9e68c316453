"""What a shop wants of every list: what is left out, raised, buried, pinned, and how much of one kind is too much."""
