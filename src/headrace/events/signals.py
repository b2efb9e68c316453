"""How strong a sign of liking an event is: the one weight table."""

from typing import Final

from headrace.events.types import Action, Interaction, Watch

WEIGHT_OF_ACTION: Final[dict[Action, int]] = {"view": 1, "click": 3, "purchase": 10}

STRONG: Final = 10
MEDIUM: Final = 3
WEAK: Final = 1


def weight(event: Interaction | Watch) -> int:
    """Return the event's weight: view 1, click 3, purchase 10; a watch 10, 3 or 1 as it was strong, medium or weak.

    Strong is at least 80 % or 120 s, medium at least 40 % or 30 s.
    """
    if isinstance(event, Interaction):
        return WEIGHT_OF_ACTION[event.event_type]
    percent = event.percent_watched or 0.0
    if percent >= 80 or event.watch_time_sec >= 120:
        return STRONG
    if percent >= 40 or event.watch_time_sec >= 30:
        return MEDIUM
    return WEAK
