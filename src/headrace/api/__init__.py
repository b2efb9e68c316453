"""The HTTP side: hot routes in front, a framework for the rest, one page that documents both."""
