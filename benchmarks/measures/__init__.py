"""How each row is measured: a function from the bench to what was measured, by the row's name."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from benchmarks.measures.answers import autolog, growth, reco
from benchmarks.measures.bench import Bench
from benchmarks.measures.console import console
from benchmarks.measures.drains import drain_ratings, drain_sessions
from benchmarks.measures.intake import applied, batch, event
from benchmarks.measures.mixed import memory, mixed
from benchmarks.measures.plain import plain
from benchmarks.measures.reasons import explain
from benchmarks.measures.replica import replica
from benchmarks.measures.rules import rules
from benchmarks.results import Measured

MEASURES: Final[dict[str, Callable[[Bench], Coroutine[Any, Any, Measured]]]] = {
    "reco": reco,
    "rules": rules,
    "autolog": autolog,
    "mixed": mixed,
    "event": event,
    "applied": applied,
    "batch": batch,
    "drain-sessions": drain_sessions,
    "drain-ratings": drain_ratings,
    "growth": growth,
    "explain": explain,
    "memory": memory,
    "replica": replica,
    "console": console,
    "plain": plain,
}

__all__ = ["MEASURES", "Bench"]
