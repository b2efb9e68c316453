"""What is said of one item that somebody asks about, and of how it went through the stages."""

from headrace.reasons.words import quoted, times


def unknown() -> str:
    """Say that nobody knows an item."""
    return "Nobody knows this item: no event has named it, and it is not in the catalogue."


def is_shown(place: int) -> str:
    """Say where an item stands."""
    return f"It is shown, at place {place:,}."


def never_proposed() -> str:
    """Say that an item was no candidate."""
    return "Not shown because nothing proposed it."


def full_before(filler: str) -> str:
    """Say that a filler was not needed."""
    return f"The answer was full before {filler} was asked for anything."


def stage(name: str) -> str:
    """Say that a stage has had to do with an item, where the stage says no more itself."""
    return f"It went through {name}."


def met_in_tables(item_id: str, meetings: int, neighbours: int) -> str:
    """Say that an item of the user's met one, but not often enough to be kept in memory."""
    return (
        f"It was seen together {times(meetings)} with {quoted(item_id)} of yours, which is too little to be among the "
        f"{neighbours:,} strongest neighbours of {quoted(item_id)} that answers are made from."
    )


def met_none_of_yours() -> str:
    """Say that an item met none of the user's."""
    return "It was never seen together with any of your latest items."


def away(what: str) -> str:
    """Say what an explanation had to do without."""
    return f"{what} is away just now: event ids and what only the tables know are missing."
