"""How property tests run here: a few dozen examples, no deadline (the machine is shared), inherited by several classes."""

from hypothesis import HealthCheck, settings


def examples(number: int) -> settings:
    """Return settings for so many examples of a property."""
    return settings(
        max_examples=number,
        deadline=None,
        database=None,
        # A promise is written once in a mixin and run by every class that inherits it.
        suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    )
