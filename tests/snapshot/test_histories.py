"""Users' histories in memory: bounded, loaded once, current, and ahead of the changelog by what we acknowledged."""

import asyncio
import unittest
from collections.abc import Collection
from unittest import mock

from headrace.errors import Poison, Unavailable
from headrace.events.types import Interaction
from headrace.features import history
from headrace.features.changes import HistoryState
from headrace.features.history import entry_of
from headrace.snapshot import histories as module
from headrace.snapshot.histories import MOST_PENDING, Histories
from headrace.snapshot.packed import Remembered
from tests.features.worlds import act, shown


class Tables:
    """The stored histories, a count of the queries, and a gate that holds them up."""

    def __init__(self) -> None:
        self.states: dict[str, HistoryState] = {}
        self.queries: list[list[str]] = []
        self.away = False
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    def store(self, user: str, applied: int, *events: Interaction) -> HistoryState:
        """Store a history and return it as the changelog tells it."""
        state = HistoryState(user, applied, history.encode([entry_of(event) for event in events]).decode())
        self.states[user] = state
        return state

    async def load(self, users: Collection[str]) -> list[HistoryState]:
        """Answer like the tables: what is stored when the query begins."""
        self.queries.append(sorted(users))
        self.asked.set()
        found = [self.states[user] for user in users if user in self.states]
        await self.gate.wait()
        if self.away:
            raise Unavailable("postgres", "away")
        return found


class Numbers(dict[str, int]):
    """A picture's numbers, in which every item that is asked for has one."""

    def get(self, item: str, _default: object = None) -> int:
        """Return the item's number, a new one where it has none."""
        return self.setdefault(item, len(self))

    def names(self, known: Remembered | None) -> list[str]:
        """Return the items of a history, oldest first."""
        names = list(self)
        return [names[step.item] for step in known.steps()] if known is not None else ["nobody"]


class HistoriesInMemory(unittest.IsolatedAsyncioTestCase):
    """What a request sees of a user."""

    def setUp(self) -> None:
        """Have three users at most, five entries each."""
        self.tables = Tables()
        self.numbers = Numbers()
        self.histories = Histories(self.tables.load, self.numbers, size=5, most=3)

    async def items(self, user: str) -> list[str]:
        """Return the items of a user's history, oldest first."""
        return self.numbers.names(await self.histories.of(user))

    async def test_an_unknown_user_has_an_empty_history_and_is_asked_for_once(self) -> None:
        """No row is an answer too: the next request does not query again."""
        self.assertIsNone(self.histories.held("ada"))
        self.assertEqual(await self.items("ada"), [])
        self.assertEqual(await self.items("ada"), [])
        self.assertEqual(self.numbers.names(self.histories.held("ada")), [])
        self.assertEqual(self.tables.queries, [["ada"]])

    async def test_misses_of_one_moment_share_one_query(self) -> None:
        """Six requests for two users: one query, and everybody gets theirs."""
        self.tables.store("ada", 1, act("ada", "tent", 0))
        self.tables.store("bob", 1, act("bob", "lamp", 0))
        found = await asyncio.gather(*(self.items(user) for user in ["ada", "bob"] * 3))
        self.assertEqual(found, [["tent"], ["lamp"]] * 3)
        self.assertEqual(self.tables.queries, [["ada", "bob"]])

    async def test_no_more_users_are_held_than_there_is_room_for(self) -> None:
        """Of four, the one asked for longest ago goes and is loaded again when asked for."""
        for user in ("ada", "bob", "cyd"):
            await self.items(user)
        self.histories.held("ada")
        await self.items("dan")
        self.assertEqual(len(self.histories), 3)
        self.assertIsNone(self.histories.held("bob"))
        self.assertEqual(self.numbers.names(self.histories.held("ada")), [])
        await self.items("bob")
        self.assertEqual(self.tables.queries[-1], ["bob"])

    async def test_more_misses_at_once_than_there_is_room_for_get_each_their_own(self) -> None:
        """Ten users in one query with room for three: nobody is taken for a stranger."""
        users = [f"user-{number}" for number in range(10)]
        for user in users:
            self.tables.store(user, 1, act(user, f"item-of-{user}", 0))
        found = await asyncio.gather(*(self.items(user) for user in users))
        self.assertEqual(found, [[f"item-of-{user}"] for user in users])
        self.assertEqual(len(self.histories), 3)

    async def test_what_was_just_acknowledged_is_seen_at_once(self) -> None:
        """For a user in memory without any query, for another one together with what is stored."""
        self.tables.store("ada", 1, act("ada", "tent", 0))
        self.histories.acknowledged(act("ada", "stove", 1))
        self.assertEqual(await self.items("ada"), ["tent", "stove"])
        self.histories.acknowledged(act("ada", "lamp", 2))
        self.histories.acknowledged(act("ada", "map", 1.5))
        self.assertEqual(await self.items("ada"), ["tent", "stove", "map", "lamp"])
        self.assertEqual(len(self.tables.queries), 1)

    async def test_impressions_are_no_part_of_a_history(self) -> None:
        """What was shown was not yet acted on."""
        self.histories.acknowledged(shown("ada", ["tent"]))
        self.assertEqual(len(self.histories), 0)

    async def test_an_event_is_never_seen_twice(self) -> None:
        """Acknowledged twice, or acknowledged after the changelog brought it: one entry."""
        stove = act("ada", "stove", 1)
        self.histories.acknowledged(stove)
        self.histories.acknowledged(stove)
        self.assertEqual(await self.items("ada"), ["stove"])
        self.histories.apply([self.tables.store("ada", 1, stove)])
        self.histories.acknowledged(stove)
        self.assertEqual(await self.items("ada"), ["stove"])

    async def test_what_the_changelog_brings_is_pending_no_longer(self) -> None:
        """Once stored, an entry goes as the stored history goes: pushed out by five newer ones, it is gone."""
        stove = act("ada", "stove", 1)
        self.histories.acknowledged(stove)
        await self.items("ada")
        self.histories.apply([self.tables.store("ada", 1, stove)])
        newer = [act("ada", f"item-{number}", 2 + number) for number in range(5)]
        self.histories.apply([self.tables.store("ada", 2, *newer)])
        self.assertEqual(await self.items("ada"), [f"item-{number}" for number in range(5)])

    async def test_an_entry_too_old_for_a_full_history_is_pending_no_longer(self) -> None:
        """The worker leaves an old event out of a full history, and so does memory once the changelog has passed it."""
        self.histories.acknowledged(act("ada", "ancient", -100))
        await self.items("ada")
        full = [act("ada", f"item-{number}", number) for number in range(5)]
        self.histories.apply([self.tables.store("ada", 2, *full)])
        self.assertNotIn("ancient", await self.items("ada"))

    async def test_news_that_arrive_while_a_history_is_loading_are_not_lost(self) -> None:
        """The query read the old row, the changelog brought the new one meanwhile: the new one stands."""
        self.tables.store("ada", 1, act("ada", "tent", 0))
        self.tables.gate.clear()
        asked = asyncio.create_task(self.items("ada"))
        await self.until_queried()
        self.histories.apply([self.tables.store("ada", 2, act("ada", "tent", 0), act("ada", "stove", 1))])
        self.tables.gate.set()
        self.assertEqual(await asked, ["tent", "stove"])

    async def test_not_even_when_the_user_had_to_make_room_meanwhile(self) -> None:
        """Other users came and pushed this one out while the query ran: the news still stand."""
        self.tables.store("ada", 1, act("ada", "tent", 0))
        self.tables.gate.clear()
        asked = asyncio.create_task(self.items("ada"))
        await self.until_queried()
        for user in ("bob", "cyd", "dan"):
            self.histories.acknowledged(act(user, "lamp", 0))
        self.histories.apply([self.tables.store("ada", 2, act("ada", "tent", 0), act("ada", "stove", 1))])
        self.tables.gate.set()
        self.assertEqual(await asked, ["tent", "stove"])
        self.assertEqual(await self.items("ada"), ["tent", "stove"])

    async def test_an_event_acknowledged_while_its_users_history_is_loading_is_seen(self) -> None:
        """The door was quicker than the query."""
        self.tables.store("ada", 1, act("ada", "tent", 0))
        self.tables.gate.clear()
        asked = asyncio.create_task(self.items("ada"))
        await self.until_queried()
        self.histories.acknowledged(act("ada", "stove", 1))
        self.tables.gate.set()
        self.assertEqual(await asked, ["tent", "stove"])

    async def test_old_news_change_nothing(self) -> None:
        """A history of a lower applied number than the one held is passed over."""
        newer = self.tables.store("ada", 7, act("ada", "tent", 0), act("ada", "stove", 1))
        await self.items("ada")
        self.histories.apply([self.tables.store("ada", 3, act("ada", "tent", 0))])
        self.assertEqual(await self.items("ada"), ["tent", "stove"])
        self.histories.apply([newer])
        self.assertEqual(await self.items("ada"), ["tent", "stove"])

    async def test_news_of_users_nobody_asked_for_take_no_room(self) -> None:
        """They are read when they are asked for."""
        self.histories.apply([self.tables.store("ada", 1, act("ada", "tent", 0))])
        self.assertEqual(len(self.histories), 0)
        self.assertEqual(await self.items("ada"), ["tent"])

    async def test_while_the_tables_are_away_memory_answers_and_afterwards_the_tables_do(self) -> None:
        """A stranger to memory has what was acknowledged, or nothing; later the whole history."""
        self.tables.store("ada", 1, act("ada", "tent", 0))
        self.tables.away = True
        self.histories.acknowledged(act("ada", "stove", 1))
        self.assertEqual(await self.items("ada"), ["stove"])
        self.assertEqual(await self.items("bob"), [])
        self.tables.away = False
        self.assertEqual(await self.items("ada"), ["tent", "stove"])

    async def test_a_slow_query_holds_no_answer_up_for_long(self) -> None:
        """After the time that a request will wait it is answered from memory; the query's result serves the next one."""
        self.tables.store("ada", 1, act("ada", "tent", 0))
        self.tables.gate.clear()
        with mock.patch.object(module, "LOAD_TIMEOUT_S", 0.02):
            self.assertEqual(await self.items("ada"), [])
        self.tables.gate.set()
        self.assertEqual(await self.items("ada"), ["tent"])

    async def test_an_id_that_no_table_takes_is_refused_alone(self) -> None:
        """Those who were asked for beside it get their histories, and so do those who ask meanwhile."""
        load = self.tables.load

        async def judging(users: Collection[str]) -> list[HistoryState]:
            found = await load(users)
            if any("\0" in user for user in users):
                raise Poison("refused_by_store", "invalid byte sequence")
            return found

        self.histories = Histories(judging, self.numbers, size=5, most=30)
        users = [f"user-{number}" for number in range(7)]
        for user in [*users, "late"]:
            self.tables.store(user, 1, act(user, f"item-of-{user}", 0))
        self.tables.gate.clear()
        asked = asyncio.gather(*(self.items(user) for user in [*users[:3], "a\0b", *users[3:]]), return_exceptions=True)
        await self.until_queried()
        late = asyncio.create_task(self.items("late"))
        self.tables.gate.set()
        found = await asked
        self.assertIsInstance(found.pop(3), Poison)
        self.assertEqual(found, [[f"item-of-{user}"] for user in users])
        self.assertEqual(await late, ["item-of-late"])

    async def test_whoever_asks_while_a_bug_ends_the_loading_is_loaded_by_the_next(self) -> None:
        """Not left to wait for a loader that is no more."""
        self.tables.store("late", 1, act("late", "tent", 0))
        load = self.tables.load

        async def broken(users: Collection[str]) -> list[HistoryState]:
            found = await load(users)
            if "ada" in users:
                raise ZeroDivisionError
            return found

        self.histories = Histories(broken, self.numbers, size=5, most=3)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        self.tables.gate.clear()
        asked = asyncio.create_task(self.items("ada"))
        await self.until_queried()
        late = asyncio.create_task(self.items("late"))
        await asyncio.sleep(0)
        self.tables.gate.set()
        with self.assertRaises(ZeroDivisionError):
            await asked
        self.assertEqual(await late, ["tent"])

    async def test_a_bug_in_loading_reaches_whoever_asked(self) -> None:
        """An error that is not Unavailable is no reason to wait, nor to answer as if nothing were wrong."""

        async def broken(_users: Collection[str]) -> list[HistoryState]:
            raise ZeroDivisionError

        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        with self.assertRaises(ZeroDivisionError):
            await Histories(broken, {}, size=5, most=3).of("ada")

    async def test_a_swap_forgets_nothing_acknowledged(self) -> None:
        """The histories of a new picture take over what the old ones still had pending."""
        self.tables.store("ada", 1, act("ada", "tent", 0))
        self.histories.acknowledged(act("ada", "stove", 1))
        after = Histories(self.tables.load, self.numbers, size=5, most=3)
        after.inherit(self.histories)
        self.assertEqual(self.numbers.names(await after.of("ada")), ["tent", "stove"])

    async def test_pending_events_are_bounded(self) -> None:
        """A user who sends a thousand events while no worker runs takes bounded room; the latest are kept."""
        roomy = Histories(self.tables.load, self.numbers, size=2000, most=3)
        for number in range(1000):
            roomy.acknowledged(act("ada", f"item-{number}", number))
        found = self.numbers.names(await roomy.of("ada"))
        self.assertEqual(found, [f"item-{number}" for number in range(1000 - MOST_PENDING, 1000)])

    async def test_an_item_that_the_picture_does_not_know_yet_gets_its_number_with_the_news_of_it(self) -> None:
        """A query read further than the picture is: the item is one of its own kind, and has its number once that is known."""
        numbers = {"tent": 0}
        histories = Histories(self.tables.load, numbers, size=5, most=3)
        state = self.tables.store("ada", 1, act("ada", "stove", 0), act("ada", "lamp", 1), act("ada", "tent", 2))
        recent = (await histories.of("ada")).recent.tolist()
        self.assertEqual((recent[0], len(set(recent)), [number < 0 for number in recent]), (0, 3, [False, True, True]))
        numbers |= {"stove": 1, "lamp": 2}
        histories.apply([state])
        self.assertEqual((await histories.of("ada")).recent.tolist(), [0, 2, 1])

    async def until_queried(self) -> None:
        """Wait until the tables are asked."""
        async with asyncio.timeout(5):
            await self.tables.asked.wait()


if __name__ == "__main__":
    unittest.main()
