"""SQL by name: files of named queries, with the schema of a space or generation put in their place."""

import re
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)\n-- (.+)$", re.MULTILINE)
_SAFE: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")

DEFAULT_SPACE: Final = "headrace"


def generation_schema(space: str, number: int) -> str:
    """Return the name of the schema that a generation's tables stand in."""
    return f"{space}_g{number}"


def place(text: str, *, space: str, generation: int | None = None, source: int | None = None) -> str:
    """Return SQL with ``@space``, ``@gen`` and ``@source`` (the generation that one was built from) replaced.

    Raises ``ValueError`` for a name that is not a plain identifier.
    """
    if not _SAFE.fullmatch(space):
        raise ValueError(f"a space is named with small letters, digits and _: {space!r}")
    text = text.replace("@space", space)
    if generation is not None:
        text = text.replace("@gen", generation_schema(space, generation))
    if source is not None:
        text = text.replace("@source", generation_schema(space, source))
    return text


class Queries:
    """The queries of one package's ``queries.sql``: each stands under ``-- name: x`` and a sentence of purpose."""

    def __init__(
        self, package: str, *, space: str = DEFAULT_SPACE, generation: int | None = None, source: int | None = None
    ) -> None:
        text = named(files(package).joinpath("queries.sql").read_text())
        self._placed = {name: place(sql, space=space, generation=generation, source=source) for name, sql in text.items()}

    def __getitem__(self, name: str) -> str:
        """Return a query's text; raises ``KeyError`` for an unknown name."""
        return self._placed[name]


def named(text: str) -> dict[str, str]:
    """Return the queries of a file by name."""
    starts = list(_NAME.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    return {start[1]: text[start.end() : end].strip() for start, end in zip(starts, ends, strict=True)}
