"""Waiting for what may hang: an answer that something is away is better than one that comes when nobody asks any more."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from headrace.errors import Unavailable

PATIENCE_S: Final = 2.0
"""How long a part of a page, or figures, are waited for: what is there answers in milliseconds."""

T = TypeVar("T")


async def within(wanted: Awaitable[T], seconds: float = PATIENCE_S, what: str = "postgres") -> T:
    """Return what was asked for; raises ``Unavailable`` where it does not come in time, and does not wait for its end then.

    A database that hangs does not even answer that it cancels: so the work is told to stop, and left to itself.
    """
    task = asyncio.ensure_future(wanted)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_forget)
    if done:
        return task.result()
    raise Unavailable(what, f"it did not answer within {seconds:g} s")


def _forget(task: "asyncio.Future[T]") -> None:
    """Take note of how it ended, which nobody asks any more."""
    if not task.cancelled():
        task.exception()
