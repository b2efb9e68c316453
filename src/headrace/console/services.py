"""What the console asks for beside what the API has: filled by ``wiring``, as the API's own services are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.api import services
from headrace.console import port
from headrace.console.settings import ConsoleSettings
from headrace.console.shelf import Items
from headrace.log.port import OUTWARD, Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Services(services.Services):
    """Everything behind the routes and the console's pages."""

    items: Items
    topics: Mapping[str, Topic] = field(default_factory=lambda: {name: topic for topic, name in OUTWARD.items()})
    """The topics by their outward names, which metrics are labelled with."""

    console: ConsoleSettings = field(default_factory=ConsoleSettings)
    stream: port.Stream
    letters: port.DeadLetters
    people: port.People
    recipes: port.Recipes
