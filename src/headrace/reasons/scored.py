"""What scorers say of an item: why they raised its score, or left it."""

from headrace.reasons.words import counted_place, listed


def also_alike(item_ids: list[str]) -> str:
    """Say that likeness adds to a score."""
    return f"Raised because it is like {listed(item_ids)} of yours."


def weighed(share: float) -> str:
    """Say how much likeness counts beside what users did."""
    return f"What it is like counts {share:g} times what users did."


def unchanged(name: str) -> str:
    """Say that a part did nothing to an item's score."""
    return f"{name} leaves its score as it is."


def came_back(rank: int) -> str:
    """Say what coming back is worth."""
    return f"Raised because you had to do with it lately: it is your {counted_place(rank)} newest item."


def comes_back(returns: float) -> str:
    """Say how often a user comes back."""
    return f"{returns:.0%} of your latest steps led back to something"


def set_aside() -> str:
    """Say that a score is not used."""
    return "the score of its source is set aside"


def a_little_popular(share: float) -> str:
    """Say that popularity adds a little."""
    return f"Raised a little for its popularity, {share:.0%} of that of the most popular item."


def stays_behind() -> str:
    """Say that popularity alone speaks for an item."""
    return "Only its popularity speaks for it, so it stays behind everything that goes with your own items."
