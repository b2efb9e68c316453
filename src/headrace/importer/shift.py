"""Moving a file's times so that its newest row is now: once, and by the same amount whenever it is imported again."""

from typing import NamedTuple

from headrace.importer.ports import ShiftMemory


class Shift(NamedTuple):
    """By how many milliseconds times are moved, and whether an earlier import of the same files decided it."""

    shift_ms: int
    remembered: bool


async def shift_for(memory: ShiftMemory, digest: str, newest_ms: int, now_ms: int) -> Shift:
    """Return the shift of the files behind a digest, and remember it before any row goes in. Raises ``Unavailable``.

    Otherwise the same rows would come with the same ids and other times the next time, which is a conflict.
    """
    kept = await memory.get(digest)
    if kept is not None:
        return Shift(kept, remembered=True)
    wanted = now_ms - newest_ms
    kept = await memory.put(digest, wanted)
    return Shift(kept, remembered=kept != wanted)
