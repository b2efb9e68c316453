"""Rule sets in Postgres: names, versions that are never changed, and which one is live."""

import asyncio
from datetime import datetime
from typing import Any

from headrace.rules import declared
from headrace.rules.kept import Kept, Listed, Live, Outline, Stamp, Standing
from headrace.store.pool import Database
from headrace.store.sql import Queries


class PostgresRules:
    """The rule sets of one space. Every method raises ``Unavailable``; what changes something is seen by ``moved``."""

    def __init__(self, database: Database, *, space: str) -> None:
        self._database = database
        self._queries = Queries("headrace.store.rules", space=space)

    async def moved(self) -> int:
        """Return a number that grows with every change."""
        async with self._database.connection() as connection:
            found: int = await connection.fetchval(self._queries["rules_moved"])
            return found

    async def put(self, name: str, rules: declared.RuleSet) -> int:
        """Keep a new version of a set and return its number."""
        async with self._database.transaction() as connection:
            await connection.execute(self._queries["move_rules"])
            version: int = await connection.fetchval(self._queries["put_rule_set"], name)
            await connection.execute(self._queries["put_rule_version"], name, version, declared.to_json(rules).decode())
        return version

    async def find(self, name: str, version: int | None) -> Kept | None:
        """Return a version, also of a set that was taken away; without a number the newest of one that was not."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(self._queries["rule_version"], name, version)
        return None if row is None else await asyncio.to_thread(_kept, row)

    async def versions(self, name: str) -> list[Stamp]:
        """Return when each version of a set was made, the newest first; none for an unknown name."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["rule_versions"], name)
        return [Stamp(row["version"], _ms(row["made_at"])) for row in rows]

    async def listed(self) -> list[Listed]:
        """Return the newest version of every set, by name, and which version is live if one is."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["listed_rules"])
        return [
            Listed(Outline(row["name"], row["version"], _ms(row["made_at"]), row["about"], row["count"]), row["live"])
            for row in rows
        ]

    async def standing(self) -> Standing:
        """Return which version is live, and the number of each set's newest."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queries["rules_standing"])
        live = next(((row["name"], row["live"]) for row in rows if row["live"] is not None), None)
        return Standing(live, {row["name"]: row["latest"] for row in rows})

    async def live(self) -> Live | None:
        """Return the version that is live; None where none is."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(self._queries["live_rules"])
        return None if row is None else Live(await asyncio.to_thread(_kept, row), _ms(row["changed_at"]))

    async def make_live(self, name: str, version: int) -> bool:
        """Make a version live; return whether there is one."""
        async with self._database.transaction() as connection:
            await connection.execute(self._queries["move_rules"])
            return await connection.fetchval(self._queries["make_rules_live"], name, version) is not None

    async def make_none_live(self, name: str | None = None) -> int | None:
        """Have no version live, or none if it is of this set; return which version was, None where nothing is changed."""
        async with self._database.transaction() as connection:
            await connection.execute(self._queries["move_rules"])
            was: int | None = await connection.fetchval(self._queries["make_no_rules_live"], name)
            return was

    async def take_away(self, name: str) -> bool:
        """Take a set away; return whether it was there and not live. Its versions stay readable."""
        async with self._database.transaction() as connection:
            await connection.execute(self._queries["move_rules"])
            return await connection.fetchval(self._queries["take_rule_set_away"], name) is not None


def _kept(row: Any) -> Kept:  # noqa: ANN401 -- a row of the driver
    return Kept(row["name"], row["version"], _ms(row["made_at"]), declared.kept(row["rules"].encode()))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
