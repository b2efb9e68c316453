"""The plain service answers what ours answers, or a factor between them would mean nothing."""

import unittest
from random import Random

from benchmarks.plain import service
from benchmarks.plain.service import EventIn
from headrace.serving import recipes
from tests.support.loop import running
from tests.support.postgres import PostgresTestCase

USERS, ITEMS, ACTS = 25, 40, 400


class ThePlainService(PostgresTestCase):
    """Beside the loop, over the same database."""

    async def test_it_answers_as_rules_v1_does_before_and_after_events(self) -> None:
        """The same lists for everybody; then the same events to both, and again the same lists."""
        chance = Random(7)
        async with running(self.url, {"HEADRACE_SERVING_RECIPE": "rules-v1"}) as loop:
            self.assertEqual(loop.settings.serving.recipe, "rules-v1")
            recipes.named("rules-v1")

            def acts() -> list[tuple[str, str, str]]:
                return [(f"u{chance.randrange(USERS)}", f"i{int(ITEMS * chance.random() ** 2)}", "s") for _ in range(ACTS)]

            await loop.send(*(loop.act(user, item, session=f"{user}-{s}") for user, item, s in acts()))
            await loop.settle()
            async with service.opened(loop.settings) as plain:
                await self.same_answers(loop, plain)
                for user, item, _ in acts()[:60]:
                    event = loop.act(user, item, session=f"{user}-later")
                    await loop.send(event)
                    sent = EventIn(
                        event_id=event.event_id,
                        user_id=user,
                        item_id=item,
                        event_type=event.event_type,
                        ts=event.ts_ms,
                        session_id=event.session_id,
                    )
                    self.assertTrue(await plain.take(sent))
                    self.assertFalse(await plain.take(sent), "an event counts once there as well")
                await loop.settle()
                await self.same_answers(loop, plain)

    async def same_answers(self, loop, plain) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
        """Compare the answers for everybody and for somebody nobody knows."""
        for user in [*(f"u{number}" for number in range(USERS)), "nobody"]:
            ours = await loop.recommender.recommend(user, None, 10, record=False)
            self.assertEqual(await plain.recommend(user, 10), ours.items, user)


if __name__ == "__main__":
    unittest.main()
