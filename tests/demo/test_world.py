"""The simulated world is the seed's, and its people choose by their tastes."""

import unittest
from collections import Counter
from itertools import islice

from headrace.demo.choices import Clicking, Watching, acts_on, finds, looked_at
from headrace.demo.plan import Plan, visits
from headrace.demo.seeds import derived
from headrace.demo.world import Person, World

WORLD = World(seed=7, item_count=400)
ONE_TASTE = Person(((2, 1.0),))
LIKED = [item.item_id for item in WORLD.shelves[2]][:20]
NOT_LIKED = [item.item_id for item in WORLD.shelves[3]][:20]


class WorldTests(unittest.TestCase):
    """Items and people."""

    def test_the_same_seed_makes_the_same_world_and_another_seed_another(self) -> None:
        """Items, lengths and people."""
        again, other = World(7, 400), World(8, 400)
        self.assertEqual(WORLD.shelves, again.shelves)
        people = [[world.person("viewer", number) for number in range(50)] for world in (WORLD, again, other)]
        self.assertEqual(people[0], people[1])
        self.assertNotEqual(people[0], people[2])

    def test_every_id_says_that_it_is_of_the_demonstration(self) -> None:
        """So that they can be told apart and removed."""
        self.assertTrue(all(item_id.startswith("demo-7-") for item_id in WORLD.items))
        self.assertEqual(len(WORLD.items), 400)

    def test_people_have_one_or_two_tastes_that_add_up_to_one(self) -> None:
        """Two in five have a second one."""
        people = [WORLD.person("viewer", number) for number in range(1000)]
        self.assertTrue(all(abs(sum(weight for _, weight in person.tastes) - 1) < 1e-9 for person in people))
        self.assertTrue(all(len({taste for taste, _ in person.tastes}) == len(person.tastes) for person in people))
        self.assertAlmostEqual(sum(len(person.tastes) == 2 for person in people) / 1000, 0.4, delta=0.06)

    def test_what_people_find_by_themselves_is_of_their_taste_and_zipf(self) -> None:
        """The first of a shelf is found about twice as often as the second."""
        found = Counter(WORLD.found_by(ONE_TASTE, derived(7, "find", number)).item_id for number in range(4000))
        self.assertLessEqual(set(found), {item.item_id for item in WORLD.shelves[2]})
        first, second = (found[item.item_id] for item in WORLD.shelves[2][:2])
        self.assertAlmostEqual(first / second, 2**0.9, delta=0.5)


class ChoiceTests(unittest.TestCase):
    """What people do with a list."""

    def test_the_same_list_and_chance_get_the_same_choices(self) -> None:
        """Given the same answers a run is the same."""
        twice = [acts_on(LIKED, ONE_TASTE, WORLD, set(), derived(7, "viewer", 1, 1)) for _ in range(2)]
        self.assertEqual(*twice)

    def test_what_is_to_their_taste_is_taken_far_more_often(self) -> None:
        """One in a hundred by accident."""
        liked, not_liked = (self.taken(items) for items in (LIKED, NOT_LIKED))
        self.assertGreater(liked, 0.15)
        self.assertLess(not_liked, 0.02)

    def test_what_was_watched_before_is_seldom_taken_again(self) -> None:
        """So a list that never changes wears out."""
        self.assertLess(self.taken(LIKED, set(LIKED)), self.taken(LIKED) / 5)

    def test_the_top_is_looked_at_more_than_the_bottom(self) -> None:
        """Position bias, from 1 to 0.3."""
        self.assertEqual(looked_at(0), 1.0)
        self.assertAlmostEqual(looked_at(19), 0.3, delta=0.01)
        places: Counter[str] = Counter()
        for number in range(2000):
            places.update(act.item_id for act in acts_on(LIKED, ONE_TASTE, WORLD, set(), derived(1, number)))
        self.assertGreater(places[LIKED[0]], 2 * places[LIKED[19]])

    def test_only_the_first_twenty_count_and_strange_ids_are_passed_over(self) -> None:
        """A shared installation may hold items that are not the demonstration's."""
        self.assertEqual(acts_on(["strange"] * 20 + LIKED, ONE_TASTE, WORLD, set(), derived(1, 2)), [])

    def test_a_liked_item_is_watched_nearly_to_its_end(self) -> None:
        """A strong watch, in the product's terms."""
        acts = [act for number in range(50) for act in acts_on(LIKED, ONE_TASTE, WORLD, set(), derived(1, number))]
        watches = [act for act in acts if isinstance(act, Watching)]
        self.assertTrue(all(80 <= watch.percent <= 100 for watch in watches))
        self.assertGreater(len(watches), sum(isinstance(act, Clicking) for act in acts))

    def test_who_is_shown_nothing_nearly_always_finds_something(self) -> None:
        """An empty system has to learn from something."""
        found = [finds(ONE_TASTE, WORLD, derived(1, number), shown_something=False) for number in range(200)]
        self.assertGreater(sum(one is not None for one in found), 160)
        self.assertTrue(all(one.event_type in {"view", "click"} for one in found if one is not None))

    def taken(self, items: list[str], watched: set[str] = set()) -> float:  # noqa: B006 -- never changed
        """Return the part of the shown items that is taken."""
        acts = sum(len(acts_on(items, ONE_TASTE, WORLD, watched, derived(3, number))) for number in range(300))
        return acts / (300 * len(items))


class PlanTests(unittest.TestCase):
    """Who comes when."""

    def test_the_same_plan_has_the_same_visits(self) -> None:
        """Of viewers and newcomers."""
        first, second = (list(islice(visits(Plan(seed=3)), 500)) for _ in range(2))
        self.assertEqual(first, second)
        self.assertNotEqual(first, list(islice(visits(Plan(seed=4)), 500)))

    def test_rate_and_share_are_those_of_requests(self) -> None:
        """A viewer's visit is several requests, a newcomer's one."""
        plan = Plan(rate=40, control_share=0.25)
        coming = list(islice(visits(plan), 5000))
        requests = sum(visit.steps for visit in coming)
        control = sum(visit.steps for visit in coming if visit.viewer is None)
        self.assertAlmostEqual(control / requests, 0.25, delta=0.02)
        self.assertAlmostEqual(requests / coming[-1].at_s, 40, delta=2)

    def test_without_a_control_group_nobody_is_a_newcomer(self) -> None:
        """``--control-share 0``."""
        self.assertTrue(all(visit.viewer is not None for visit in islice(visits(Plan(control_share=0)), 300)))
