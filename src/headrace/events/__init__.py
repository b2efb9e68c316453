"""What happened: the events, the door that judges them, their bytes and their weight."""
