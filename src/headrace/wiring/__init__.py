"""The one place that picks concrete parts and joins them: it closes the loop by handing ``serving`` the door of ``intake``."""

from headrace.wiring.letters import DeadLetters, dead_letters
from headrace.wiring.processes import (
    Importing,
    api_services,
    importing,
    looked_at,
    migrate,
    opened,
    replaying,
    verifying,
    worker,
)
from headrace.wiring.switching import NotMoved, switch

__all__ = [
    "DeadLetters",
    "Importing",
    "NotMoved",
    "api_services",
    "dead_letters",
    "importing",
    "looked_at",
    "migrate",
    "opened",
    "replaying",
    "switch",
    "verifying",
    "worker",
]
