"""The recipe that was made the default: one row of a space, the adapter behind ``serving.watching``."""

from headrace.store.pool import Database
from headrace.store.sql import Queries


class PostgresChosen:
    """Keeps the choice of one space. Every method raises ``Unavailable``."""

    def __init__(self, database: Database, *, space: str) -> None:
        self._database = database
        self._queries = Queries("headrace.store", space=space)

    async def get(self) -> str | None:
        """Return the recipe's name; None where none was chosen."""
        async with self._database.connection() as connection:
            name: str | None = await connection.fetchval(self._queries["chosen_recipe"])
        return name

    async def put(self, name: str | None) -> None:
        """Choose a recipe for all processes of the space; None takes the choice back."""
        async with self._database.connection() as connection:
            if name is None:
                await connection.execute(self._queries["choose_no_recipe"])
            else:
                await connection.execute(self._queries["choose_recipe"], name)
