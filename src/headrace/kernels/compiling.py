"""Compiling a loop when it is first called: who never calls one pays neither for numba's import nor for its memory.

What was compiled is kept beside the module, or where that cannot be written in the user's cache folder (``NUMBA_CACHE_DIR``
names another), so that only the very first start compiles. Where nothing can be written, every process compiles for itself.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar, cast

Loop = TypeVar("Loop", bound=Callable[..., Any])

_WAITING: Final = "__waiting__"


def compiled(loop: Loop) -> Loop:
    """Return the function, to be compiled at its first call; from then on its module holds the compiled one in its place.

    The function is to be called by way of its module, never imported by name, or the stand-in would be called for good.
    It may call other compiled functions of its module, and of no other: what is kept on disk is made anew when its own file
    changes, not when another does. It is pure machine code over arrays: no Python object, no exception.
    """

    @wraps(loop)
    def waiting(*arguments: object) -> object:
        return _ready(loop)(*arguments)

    setattr(waiting, _WAITING, loop)
    return cast(Loop, waiting)


def _ready(loop: Callable[..., Any]) -> Callable[..., Any]:
    from numba import njit  # noqa: PLC0415 -- a third of a second and 70 MB, which a worker or a command need not pay

    module = loop.__globals__
    for name in loop.__code__.co_names:
        inner = getattr(module.get(name), _WAITING, None)
        if inner is not None:
            _ready(inner)
    try:
        made = njit(cache=True, nogil=True, error_model="numpy")(loop)
    except RuntimeError:  # numba found no folder that it may write to
        made = njit(nogil=True, error_model="numpy")(loop)
    module[loop.__name__] = made
    return cast(Callable[..., Any], made)
