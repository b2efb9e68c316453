"""What a load leaves free in the process goes back to the system."""

import ctypes


def give_back() -> None:
    """Return free pages of the heap to the system, where the C library can (glibc); otherwise do nothing.

    A load takes many small things in and lets them go again; glibc keeps their pages for later, which may never come. Blocks
    for some milliseconds, without the interpreter's lock. Source: malloc_trim(3).
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
