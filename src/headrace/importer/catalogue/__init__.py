"""Catalogues as files: a row an item, read in and written out in the same three formats, so that what goes out comes in."""
