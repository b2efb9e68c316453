"""From the log to the features: read, decode, project, apply, commit; whose partition it is; what could not be applied."""
