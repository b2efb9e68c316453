"""What is remembered of events, and how strongly."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """How features are counted.

    A generation keeps the settings it was made with, so that all its sums mean the same; others need a new generation.
    """

    half_life_days: float = 20.0
    """After so many days an event's weight in decayed popularity and co-visitation has halved."""

    window: int = 10
    """How many of a user's previous events an event is paired with."""

    backward: float = 0.75
    """The weight of the pair (later item, earlier item) against 1.0 for the order in which they happened."""

    step_decay: float = 1.0
    """The d-th item back counts for d to the power of minus this: 1 halves the second, 0 counts the whole window alike."""

    session_gap_minutes: int = 30
    """A silence of so many minutes ends a session where the client names none."""

    history_size: int = 20
    """How many of a user's latest events are remembered."""

    @property
    def half_life_ms(self) -> float:
        """Return the half-life in milliseconds."""
        return self.half_life_days * 86_400_000

    @property
    def session_gap_ms(self) -> int:
        """Return the silence that ends a session, in milliseconds."""
        return self.session_gap_minutes * 60_000
