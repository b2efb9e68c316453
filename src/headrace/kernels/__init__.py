"""The few loops that arrays alone do not make fast: compiled by numba when they are first called, then kept on disk."""
