"""The tests: ``python -m tests`` from the repository's root."""
