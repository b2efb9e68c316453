"""Two generations asked the same: both pictures aside in this process, one recipe, a seeded sample of users."""

from collections.abc import Callable
from typing import Final

from headrace import pipeline
from headrace.evaluation.differing import Difference, difference
from headrace.pipeline import Recipe
from headrace.serving import asking
from headrace.snapshot.follower import Follower, View
from headrace.store.generations import Generation
from headrace.store.operations import sample_of_users
from headrace.store.tables import PostgresGenerations, PostgresTables
from headrace.wiring.ground import Ground

K: Final = 20
SHOWN: Final = 5


async def compare(
    ground: Ground, before: Generation, after: Generation, recipe: Recipe, *, users: int, seed: int, tell: Callable[[str], None]
) -> Difference:
    """Return how the lists of users with a history differ between two generations, both asked by one recipe.

    The sample is drawn from the users of ``before``, the same for the same seed. Raises ``Unavailable``.
    """
    sample = await sample_of_users(ground.database, before, space=ground.space, users=users, seed=seed)
    views = []
    for generation in (before, after):
        tell(f"loading generation {generation.number}")
        views.append(await _view(ground, generation))
    tell(f"asking for {len(sample):,} users")
    lists = [(user, await _list(views[0], recipe, user), await _list(views[1], recipe, user)) for user in sample]
    return difference(lists, most=SHOWN)


async def _view(ground: Ground, generation: Generation) -> View:
    follower = Follower(PostgresGenerations(ground.database, space=ground.space), ground.settings.snapshot, ground.clock)
    return await follower.load(PostgresTables(ground.database, generation, space=ground.space))


async def _list(view: View, recipe: Recipe, user_id: str) -> list[str]:
    known = await view.histories.of(user_id)
    query = asking.remembering(user_id, None, f"diff-{user_id}", K, known, view.picture)
    ids = view.picture.ids
    return [ids[number] for number in pipeline.run(recipe, view.picture, query).items.tolist()]
