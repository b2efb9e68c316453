"""The rows of the table: one module a family of faults."""
