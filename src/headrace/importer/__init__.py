"""Importing: a file's rows, mapped to events, judged and taken in like any other event; safe to interrupt and to repeat."""
