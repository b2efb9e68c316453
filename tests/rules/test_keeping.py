"""Rule sets as they are kept: what every keeper promises, and how a process follows one."""

import unittest
from typing import Any

from headrace import config, wiring
from headrace.errors import Rejected, Unavailable
from headrace.rules.declared import Exclude, RuleSet, from_values
from headrace.rules.kept import Keeper, Standing
from headrace.rules.made import Rules
from headrace.store.migrations import migrate_space
from headrace.store.pool import Database
from headrace.store.rules import PostgresRules
from headrace.store.settings import DatabaseSettings
from headrace.wiring.rules import RuleSets
from tests.api.world import Drawer
from tests.support.postgres import PostgresTestCase

HUGE = RuleSet(exclude=[Exclude(where=f"price > {'9' * 400}")])
"""Nothing that the door lets in today, but once it may have."""

ONE = from_values({"about": "one", "exclude": [{"where": "price > 10"}], "pin": [{"position": 1, "items": ["ä"]}]})
TWO = from_values({"about": "two", "boost": [{"where": "price < 10", "times": 2.5, "from": "2026-01-01T00:00:00Z"}]})


class KeeperPromises:
    """Inherited by the test of each keeper."""

    async def keeps(self, keeper: Keeper) -> None:
        """Hold a keeper to everything that is promised."""
        case = unittest.TestCase()
        moved = await keeper.moved()
        case.assertEqual([await keeper.put("summer", ONE), await keeper.put("summer", TWO)], [1, 2])
        case.assertEqual(await keeper.put("winter", ONE), 1)
        case.assertGreater(await keeper.moved(), moved)
        for version, rules in ((None, TWO), (1, ONE), (2, TWO)):
            kept = await keeper.find("summer", version)
            assert kept is not None
            case.assertEqual((kept.rules, kept.version), (rules, version or 2))
        case.assertIsNone(await keeper.find("summer", 3))
        case.assertIsNone(await keeper.find("autumn", None))
        case.assertIsNone(await keeper.live())
        case.assertFalse(await keeper.make_live("summer", 3))
        case.assertTrue(await keeper.make_live("summer", 1))
        live = await keeper.live()
        assert live is not None
        case.assertEqual((live.kept.title, live.kept.rules), ("summer@1", ONE))
        listed = [(one.newest.title, one.live) for one in await keeper.listed()]
        case.assertEqual(listed, [("summer@2", 1), ("winter@1", None)])
        outlines = [(one.newest.about, one.newest.count) for one in await keeper.listed()]
        case.assertEqual(outlines, [("two", 1), ("one", 2)])
        case.assertEqual(await keeper.standing(), Standing(("summer", 1), {"summer": 2, "winter": 1}))
        case.assertIsNone(await keeper.make_none_live("winter"), "another is live")
        case.assertIsNotNone(await keeper.live())
        case.assertFalse(await keeper.take_away("summer"), "it is live")
        moved = await keeper.moved()
        case.assertEqual(await keeper.make_none_live("summer"), 1)
        case.assertIsNone((await keeper.standing()).live)
        case.assertGreater(await keeper.moved(), moved)
        case.assertIsNone(await keeper.make_none_live())
        case.assertTrue(await keeper.take_away("summer"))
        case.assertFalse(await keeper.take_away("summer"))
        case.assertIsNone(await keeper.find("summer", None))
        case.assertFalse(await keeper.make_live("summer", 1))
        old = await keeper.find("summer", 1)
        assert old is not None
        case.assertEqual(old.rules, ONE)
        case.assertEqual(await keeper.put("summer", ONE), 3)
        case.assertEqual([one.version for one in await keeper.versions("summer")], [3, 2, 1])


class InPostgres(KeeperPromises, PostgresTestCase):
    """The tables of a space."""

    async def test_it_keeps_what_keepers_promise(self) -> None:
        """Versions that grow and never change, one live at most, nothing that is live taken away, no number given twice."""
        async with wiring.ruling(config.read({"DATABASE_URL": self.url})) as ruling:
            await self.keeps(ruling.kept)

    async def test_each_space_has_rule_sets_of_its_own(self) -> None:
        """The same name in two spaces is two sets, and one live in one is not live in the other."""
        async with wiring.ruling(config.read({"DATABASE_URL": self.url})) as ruling:
            database = Database(DatabaseSettings(self.url))
            self.addAsyncCleanup(database.close)
            await migrate_space(database, "other")
            other = PostgresRules(database, space="other")
            await ruling.kept.put("summer", ONE)
            await ruling.kept.make_live("summer", 1)
            self.assertEqual(await other.listed(), [])
            self.assertIsNone(await other.live())
            await other.put("summer", TWO)
            kept = await ruling.kept.find("summer", None)
            assert kept is not None
            self.assertEqual(kept.rules, ONE)


class InMemory(KeeperPromises, unittest.IsolatedAsyncioTestCase):
    """The stand-in that the tests of the API use."""

    async def test_it_keeps_what_keepers_promise(self) -> None:
        """The same."""
        await self.keeps(Drawer())


class Away(Drawer):
    """A keeper that can be away."""

    away = False

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    async def moved(self) -> int:
        """Return how many changes there were, if it is there."""
        if self.away:
            raise Unavailable("postgres", "it is being restarted")
        return self.changes

    async def find(self, name: str, version: int | None) -> Any:  # noqa: ANN401 -- as it is inherited
        """Return a version, if it is there."""
        await self.moved()
        self.found.append(name)
        return await super().find(name, version)


class Following(unittest.IsolatedAsyncioTestCase):
    """One process and its keeper."""

    view = None

    def setUp(self) -> None:
        """Begin with nothing live."""
        self.laid: list[str | None] = []
        self.keeper = Away()
        self.sets = RuleSets(self.keeper, self, self)

    def lay(self, rules: Rules | None) -> None:
        """Note what is laid over answers."""
        self.laid.append(None if rules is None else rules.name)

    async def test_what_is_live_is_laid_once_and_a_change_that_is_not_of_it_lays_nothing(self) -> None:
        """Put, made live by somebody else, another put, none live."""
        await self.sets.look()
        await self.keeper.put("summer", ONE)
        await self.sets.look()
        await self.keeper.make_live("summer", 1)
        await self.sets.look()
        await self.sets.look()
        await self.keeper.put("summer", TWO)
        await self.sets.look()
        await self.keeper.make_none_live()
        await self.sets.look()
        self.assertEqual(self.laid, ["summer@1", None])

    async def test_while_the_keeper_is_away_what_was_ready_can_still_be_found(self) -> None:
        """The live one and what was tried before; another cannot."""
        await self.sets.put("summer", ONE)
        await self.sets.put("winter", TWO)
        await self.sets.make_live("summer", None)
        self.keeper.away = True
        self.assertEqual([one.name for one in await self.sets.find("summer")], ["summer@1"])
        self.assertIs((await self.sets.find("summer@1"))[0], (await self.sets.find("summer"))[0])
        self.assertEqual(await self.sets.find("none"), ())
        with self.assertRaises(Unavailable):
            await self.sets.find("winter")
        self.keeper.away = False
        with self.assertRaises(Rejected):
            await self.sets.find("autumn")

    async def test_what_cannot_be_made_ready_never_goes_live(self) -> None:
        """It is refused by name; what is live stays."""
        await self.sets.put("summer", ONE)
        await self.sets.make_live("summer", None)
        await self.keeper.put("huge", HUGE)
        for attempt in (self.sets.make_live("huge", None), self.sets.find("huge")):
            with self.assertRaisesRegex(Rejected, "huge@1.*at character 9: this number is larger"):
                await attempt
        self.assertEqual((self.laid, self.keeper.chosen), (["summer@1"], ("summer", 1)))

    async def test_a_live_set_that_cannot_be_made_ready_leaves_the_last_good_one_and_the_next_is_laid(self) -> None:
        """Somebody else made it live; looking goes on."""
        await self.sets.put("summer", ONE)
        await self.sets.make_live("summer", None)
        await self.keeper.put("huge", HUGE)
        await self.keeper.make_live("huge", 1)
        await self.sets.look()
        await self.sets.put("summer", TWO)
        self.assertEqual(self.laid, ["summer@1"])
        await self.sets.make_live("summer", 2)
        self.assertEqual(self.laid, ["summer@1", "summer@2"])

    async def test_a_process_does_not_begin_without_the_rules_that_are_live(self) -> None:
        """It waits until another set is live, or none."""
        await self.keeper.put("huge", HUGE)
        await self.keeper.make_live("huge", 1)
        for _ in range(2):
            with self.assertRaisesRegex(Unavailable, "huge@1 is live and cannot be made ready"):
                await self.sets.look()
        await self.sets.make_none_live("huge")
        self.assertEqual(self.keeper.chosen, None)

    async def test_a_change_of_a_set_that_is_not_live_reads_no_rules(self) -> None:
        """However large the others are."""
        await self.sets.put("summer", ONE)
        await self.sets.make_live("summer", None)
        await self.keeper.put("winter", TWO)
        self.keeper.found.clear()
        await self.sets.look()
        self.assertEqual(self.keeper.found, [])

    async def test_what_is_live_is_not_taken_away(self) -> None:
        """It says what to do first."""
        await self.sets.put("summer", RuleSet())
        await self.sets.make_live("summer", 1)
        with self.assertRaisesRegex(Rejected, "make another set live first"):
            await self.sets.take_away("summer")
        await self.sets.make_none_live()
        self.assertTrue(await self.sets.take_away("summer"))
        self.assertFalse(await self.sets.take_away("summer"))


if __name__ == "__main__":
    unittest.main()
