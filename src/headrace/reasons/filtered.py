"""What filters say of an item: why they leave it out, or that they have nothing against it."""

from headrace.reasons import Figure
from headrace.reasons.words import moment, value


def passes(name: str) -> str:
    """Say that a filter has nothing against an item."""
    return f"The filter {name} has nothing against it."


def seen() -> str:
    """Say that the user has seen an item."""
    return "Left out because it is among what you had to do with lately, and the recipe does not show that again."


def latest() -> str:
    """Say that the user is looking at an item."""
    return "Left out because it is the item of your newest event: you are looking at it."


def excluded() -> str:
    """Say that a request does not want an item."""
    return "Left out because the request excludes it."


def not_true(who: str, expression: str, values: dict[str, Figure]) -> str:
    """Say what an item is not."""
    is_so = "; ".join(f"{name} is {value(of)}" for name, of in values.items())
    return f"Left out because {who} wants {expression}{f', and {is_so}' if is_so else ''}."


def deleted() -> str:
    """Say that an item is gone."""
    return "Left out because it was deleted from the catalogue."


def switched_off() -> str:
    """Say that an item is not available."""
    return "Left out because the catalogue says that it is not available."


def not_yet(ts_ms: int) -> str:
    """Say that an item's time has not come."""
    return f"Left out because the catalogue shows it only from {moment(ts_ms)} on."


def no_more(ts_ms: int) -> str:
    """Say that an item's time is over."""
    return f"Left out because the catalogue showed it only until {moment(ts_ms)}."


def not_in_catalogue() -> str:
    """Say that the catalogue has never heard of an item."""
    return "Left out because it is not in the catalogue, and what is not there is not shown."
