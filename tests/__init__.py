"""The tests: ``python -m unittest discover -s tests -v`` from the repository's root."""
