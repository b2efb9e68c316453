"""What is evaluated with feature settings of its own is what is served from a generation of its own."""

import asyncio
import os
import random
import sys
from pathlib import Path
from typing import Final

import msgspec

from headrace import pipeline, wiring
from headrace.evaluation.tables import Tables
from headrace.events.types import Interaction
from headrace.features.projection import Rules
from headrace.features.settings import FeatureSettings
from headrace.serving import asking, recipes
from headrace.wiring.replays import Replays
from tests.stream.world import wait_until
from tests.support.loop import Loop
from tests.support.postgres import PostgresTestCase

PAGE: Final = Path(__file__).parents[2] / "docs" / "explanation" / "quality.md"
FEATURES: Final = FeatureSettings(window=100, half_life_days=130.0, backward=0.75, step_decay=0.75, history_size=1000)
GENERATION: Final = {
    "HEADRACE_FEATURE_WINDOW": "100",
    "HEADRACE_FEATURE_HALF_LIFE_DAYS": "130",
    "HEADRACE_FEATURE_BACKWARD": "0.75",
    "HEADRACE_FEATURE_STEP_DECAY": "0.75",
    "STREAM_FEATURE_HISTORY_SIZE": "1000",
}
"""What stands before ``headrace replay start``."""

SERVICE: Final = {
    "HEADRACE_SERVING_RECIPE": "ratings",
    "HEADRACE_SNAPSHOT_NEIGHBOURS": "800",
    "HEADRACE_STREAM_LEASE_MS": "1000",
}
HOUR_MS: Final = 3_600_000


def walks(seed: int = 5) -> list[tuple[str, str]]:
    """Return who rates which film, in turn: eight users, forty of sixty films each, many more than a history has by default."""
    chance = random.Random(seed)
    films = {f"user {number}": chance.sample([f"film {one}" for one in range(60)], 40) for number in range(8)}
    return [(user, films[user][step]) for step in range(40) for user in films]


class FeaturesOfItsOwn(PostgresTestCase):
    """A generation that an operator made by a replay, read by the recipe it is for."""

    def acts(self, loop: Loop) -> list[Interaction]:
        """Return all ratings, an hour apart, each by a name of its own."""
        made = [loop.act(user, film, session=f"s-{user}") for user, film in walks()]
        first_ms = made[-1].ts_ms - len(made) * HOUR_MS
        return [msgspec.structs.replace(one, ts_ms=first_ms + n * HOUR_MS) for n, one in enumerate(made)]

    async def typed(self, *words: str, **environment: str) -> str:
        """Run a command and return what it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "headrace", *words,
            env=os.environ | {"DATABASE_URL": self.url, "LOG_LEVEL": "ERROR", "COLUMNS": "200"} | environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, complained = await process.communicate()
        self.assertEqual(process.returncode, 0, complained.decode())
        return said.decode()

    async def replayed(self, loop: Loop) -> None:
        """Make the generation by typing the command, wait until it is level, flip to it; the loop is of it from then on."""
        self.assertIn("Generation 2 is built", await self.typed("replay", "start", **GENERATION))
        replays = Replays(loop.ground, loop.generation)

        async def followed() -> bool:
            return (await replays.standing(2)).state == "followed"

        await wait_until(followed, "the new generation has caught up", seconds=120)
        self.assertIn("Answers come from generation 2", await self.typed("replay", "flip"))
        loop.generation = await replays.standing(2)

    async def test_evaluation_and_the_service_give_the_same_lists_from_a_replayed_generation(self) -> None:
        """For every user and a stranger: those of the replay, and those after live events went on in it."""
        async with Loop(self.url, SERVICE) as loop, wiring.worker(loop.settings) as crew:
            working = asyncio.create_task(crew.run())
            acts = self.acts(loop)
            replayed, live = acts[:240], acts[240:]
            await loop.send(*replayed)
            await loop.applied()
            await loop.follow()
            await self.replayed(loop)
            rules = loop.view.picture.rules
            self.assertEqual((loop.view.picture.generation, rules.settings), (2, FEATURES))
            tables, usual = Tables(rules), Tables(Rules(FeatureSettings(), rules.landmark_ms))
            for events in (replayed, live[:40], live[40:]):
                if events is not replayed:
                    await loop.send(*events)
                for event in events:
                    tables.learn_unseen(event)
                    usual.learn_unseen(event)
                await loop.settle()
                differing = await self.compared(loop, tables, usual)
                self.assertGreater(differing, 4, "with the usual feature settings the lists would be others")
            crew.stop()
            await working

    async def compared(self, loop: Loop, tables: Tables, usual: Tables) -> int:
        """Assert that both give the same lists; return for how many users the usual feature settings give another one."""
        recipe, most = recipes.named("ratings"), loop.settings.snapshot.neighbours
        picture, other = tables.picture(most_neighbours=most), usual.picture(most_neighbours=most)
        differing = 0
        for user in [*(f"user {number}" for number in range(8)), "stranger"]:
            with self.subTest(user=user, events=int(picture.events.sum())):
                served = await loop.recommender.recommend(user, f"s-{user}", 20, record=False)
                asked = asking.query(user, f"s-{user}", "r", 20, tables.history(user))
                played = pipeline.run(recipe, picture, asked)
                self.assertEqual(served.items, [picture.ids[number] for number in played.items])
                self.assertEqual(served.model_version, recipe.version)
                seen = {entry.item_id for entry in tables.history(user)}
                self.assertFalse(seen & set(served.items))
                asked = asking.query(user, f"s-{user}", "r", 20, usual.history(user))
                differing += served.items != [other.ids[number] for number in pipeline.run(recipe, other, asked).items]
        return differing

    def test_these_are_the_settings_of_the_page(self) -> None:
        """The command that the page of quality gives has each of them, and the neighbours, and the recipe."""
        page = PAGE.read_text()
        for name in ("window", "half_life_days", "backward", "step_decay", "history_size"):
            self.assertIn(f"--feature {name}={getattr(FEATURES, name):g}", page)
        self.assertIn(f"HEADRACE_SNAPSHOT_NEIGHBOURS={SERVICE['HEADRACE_SNAPSHOT_NEIGHBOURS']} headrace evaluate", page)
        self.assertIn(f"--recipe {SERVICE['HEADRACE_SERVING_RECIPE']}", page)
