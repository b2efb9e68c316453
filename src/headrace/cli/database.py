"""The database of a command that runs by itself: the one that is given, or the embedded one for as long as it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from headrace.config import Settings
from headrace.embedded.postgres import EmbeddedPostgres


@contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """Yield the settings with ``database.url`` filled in.

    Without a ``DATABASE_URL`` this is the embedded Postgres of ``settings.home``: the running one is joined, otherwise it is
    started. Whoever leaves last stops it. Blocks for a second at most, longer after a crash. Raises ``EmbeddedPostgresError``.
    """
    if settings.database.url is not None:
        yield settings
        return
    with EmbeddedPostgres(settings.home) as url:
        yield replace(settings, database=replace(settings.database, url=url))
