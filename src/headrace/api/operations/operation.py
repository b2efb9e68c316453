"""One route: what it is for, what it takes, what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from headrace.api.query import Parameter

_ANYWHERE: Final = (408, 413, 422, 500)
"""Statuses of every route; 422 also where the header names no space of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. ``refusals`` are the statuses beside those that any route may answer."""

    method: str
    path: str
    tag: str
    summary: str
    description: str = ""
    answer: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    parameters: Mapping[str, Parameter[Any]] = field(default_factory=dict)
    refusals: tuple[int, ...] = ()
    example: Any = None
    reply: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def statuses(self) -> list[int]:
        """Return every status this operation can answer."""
        return sorted({200, *self.refusals, *_ANYWHERE})
