"""Looking at the stream changes nothing."""

from dataclasses import replace

from headrace import config, wiring
from headrace.config import ConfigurationError
from tests.support.postgres import PostgresTestCase


class Looking(PostgresTestCase):
    """An operator mistypes a group."""

    async def test_looking_at_a_group_that_is_not_there_makes_none(self) -> None:
        """A generation made by a typo would keep the log from being dropped for good."""
        settings = config.read({"DATABASE_URL": self.url})
        typo = replace(settings, stream=replace(settings.stream, group_id="typo"))
        with self.assertRaisesRegex(ConfigurationError, "typo"):
            async with wiring.looked_at(typo):
                pass
        with self.assertRaisesRegex(ConfigurationError, "typo"):
            async with wiring.verifying(typo):
                pass
        async with wiring.looked_at(settings) as (ground, generation), ground.database.connection() as connection:
            self.assertEqual(generation.number, 1)
            self.assertEqual(await connection.fetchval("SELECT count(*) FROM headrace.generations"), 1)
