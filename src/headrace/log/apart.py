"""Records that have nothing to do with each other: one that no store takes keeps none of the others from its place."""

from collections.abc import Awaitable, Callable, Sequence

from headrace.errors import Poison
from headrace.log.port import NewRecord, Verdict

Append = Callable[[Sequence[NewRecord]], Awaitable[list[Verdict]]]


async def apart(
    append: Append, records: Sequence[NewRecord], *, begun: Awaitable[list[Verdict]] | None = None
) -> list[Verdict | Poison]:
    """Return what became of each record, in order, appended together: halve where one is refused until it stands alone.

    ``begun`` is the first try where that is on its way already. Raises what ``append`` raises beside ``Poison``.
    """
    try:
        return list(await (append(records) if begun is None else begun))
    except Poison as poison:
        if len(records) == 1:
            return [poison]
    half = len(records) // 2
    return await apart(append, records[:half]) + await apart(append, records[half:])
