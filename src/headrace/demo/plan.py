"""How a demonstration runs, and who comes when."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from headrace.demo.seeds import derived

MOST_STEPS: Final = 4
_MEAN_STEPS: Final = (1 + MOST_STEPS) / 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for: ``rate`` requests to ``/reco`` a second, ``control_share`` of them for the control group."""

    url: str = "http://127.0.0.1:8080"
    seconds: float = 120.0
    viewers: int = 600
    items: int = 1000
    seed: int = 7
    rate: float = 60.0
    control_share: float = 0.2
    space: str | None = None
    """The space that is asked; None: the default one."""


class Visit(NamedTuple):
    """Somebody comes: a viewer by number for some steps, or (None) a newcomer of the control group for one."""

    at_s: float
    number: int
    viewer: int | None
    steps: int


def visits(plan: Plan) -> Iterator[Visit]:
    """Yield who comes when, in order of time, without end; the same plan yields the same visits.

    A viewer's visit asks several times, a newcomer's once, so newcomers come more often than their share of the requests.
    """
    share = plan.control_share
    newcomers = share * _MEAN_STEPS / (1 - share + share * _MEAN_STEPS)
    visits_per_s = plan.rate / (newcomers + (1 - newcomers) * _MEAN_STEPS)
    number = 0
    while True:
        chance = derived(plan.seed, "visit", number)
        steps, viewer = chance.randint(1, MOST_STEPS), chance.randrange(plan.viewers)
        at_s = number / visits_per_s
        yield Visit(at_s, number, None, 1) if chance.random() < newcomers else Visit(at_s, number, viewer, steps)
        number += 1
