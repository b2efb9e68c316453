"""The one place that picks concrete parts and joins them: it closes the loop by handing ``serving`` the door of ``intake``."""

from headrace.wiring.letters import DeadLetters
from headrace.wiring.processes import (
    Importing,
    api_services,
    choosing,
    dead_letters,
    importing,
    looked_at,
    migrate,
    opened,
    replaying,
    tracing,
    verifying,
    whole_catalogue,
    worker,
)
from headrace.wiring.removing import NotDropped, drop_space, known_spaces
from headrace.wiring.ruling import Ruling, ruling
from headrace.wiring.spaces import api_spaces, migrate_all, workers
from headrace.wiring.switching import NotMoved, switch

__all__ = [
    "DeadLetters",
    "Importing",
    "NotDropped",
    "NotMoved",
    "Ruling",
    "api_services",
    "api_spaces",
    "choosing",
    "dead_letters",
    "drop_space",
    "importing",
    "known_spaces",
    "looked_at",
    "migrate",
    "migrate_all",
    "opened",
    "replaying",
    "ruling",
    "switch",
    "tracing",
    "verifying",
    "whole_catalogue",
    "worker",
    "workers",
]
