"""Which spaces there are, declared and standing, and taking one away for good."""

from dataclasses import dataclass

from headrace.config import Settings
from headrace.config.spaces import DEFAULT, is_name, schema_of, space_of
from headrace.store import spaces
from headrace.store.pool import Database


class NotDropped(Exception):
    """The space cannot be taken away as things are; the message says what to do first."""


@dataclass(frozen=True, slots=True)
class Known:
    """A space by what is known of it: whether it is declared, the bytes it takes, how many generations, who is at work."""

    space: str
    schema: str
    declared: bool
    size: int
    generations: int
    at_work: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was taken away."""

    schemas: list[str]
    topics: list[str]


async def known_spaces(settings: Settings) -> list[Known]:
    """Return every space that is declared or stands in the database, the default one first. Raises ``Unavailable``."""
    database = Database(settings.database)
    try:
        standing = await spaces.standing(database)
        named = {name: one for schema, one in standing.items() if (name := space_of(schema)) is not None}
        declared = [DEFAULT, *settings.others]
        found = []
        for name in [*declared, *sorted(named.keys() - set(declared))]:
            one = named.get(name)
            found.append(
                Known(
                    space=name,
                    schema=schema_of(name),
                    declared=name in declared,
                    size=0 if one is None else one.size,
                    generations=0 if one is None else len(one.generations),
                    at_work=0 if one is None else len(await spaces.at_work(database, one.schema)),
                )
            )
        return found
    finally:
        await database.close()


async def drop_space(settings: Settings, space: str) -> Dropped:
    """Take a space away for good: its topics, then its tables. Raises ``NotDropped``, ``Unavailable``.

    Broken off, it is finished by doing it again.
    """
    if not is_name(space):
        raise NotDropped(f"no space is called {space!r} that could be dropped: the default one is removed with the database")
    database = Database(settings.database)
    try:
        standing = (await spaces.standing(database)).get(schema_of(space))
        working = [] if standing is None else await spaces.at_work(database, standing.schema)
        if working:
            raise NotDropped(_busy(space, working))
        from headrace.log.kafka import delete_topics  # noqa: PLC0415 -- 3 MB, which nobody else pays for

        own = settings.whether_declared_or_not(space)
        topics = await delete_topics(own.log, own.kafka)
        if standing is None:
            return Dropped([], topics)
        if working := await spaces.drop(database, standing):
            raise NotDropped(_busy(space, working))
        return Dropped([*standing.generations, standing.schema], topics)
    finally:
        await database.close()


def _busy(space: str, working: list[str]) -> str:
    return (
        f"the space {space} is at work in {', '.join(working)}: take it out of the file that HEADRACE_SPACES names, start the"
        " API and the workers again, and wait for some seconds"
    )
