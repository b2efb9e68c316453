"""How good the answers are: plays a file through the very features, snapshot and recipes that production answers with."""
