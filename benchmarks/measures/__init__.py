"""How each row is measured: a function from the bench to what was measured, by the row's name."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from benchmarks.measures.answers import autolog, growth, reco
from benchmarks.measures.bench import Bench
from benchmarks.measures.drains import drain_ratings, drain_sessions
from benchmarks.measures.intake import applied, batch, event
from benchmarks.measures.mixed import memory, mixed
from benchmarks.measures.plain import plain
from benchmarks.measures.replica import replica
from benchmarks.results import Measured

MEASURES: Final[dict[str, Callable[[Bench], Coroutine[Any, Any, Measured]]]] = {
    "reco": reco,
    "autolog": autolog,
    "mixed": mixed,
    "event": event,
    "applied": applied,
    "batch": batch,
    "drain-sessions": drain_sessions,
    "drain-ratings": drain_ratings,
    "growth": growth,
    "memory": memory,
    "replica": replica,
    "plain": plain,
}

__all__ = ["MEASURES", "Bench"]
