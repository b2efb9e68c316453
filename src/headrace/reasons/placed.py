"""What is said of an item where an answer is put together: who chooses, who fills up, who tries something out."""

from headrace.reasons.words import counted, quoted


def fills_up(missing: int) -> str:
    """Say that an item fills up an answer."""
    return f"{counted(missing, 'place')} {'was' if missing == 1 else 'were'} left to fill, behind everything else."


def nothing_to_fill(name: str) -> str:
    """Say that a filler had not this to offer."""
    return f"It is not among what {name} offered to fill up with."


def behind() -> str:
    """Say that a filling item stands behind."""
    return "what fills up stands behind everything else"


def best(place: int, of: int) -> str:
    """Say at which place an item was chosen."""
    return f"Place {place:,} of {counted(of, 'candidate')}."


def outranked(place: int, of: int, k: int, cut: str) -> str:
    """Say that others were better."""
    shown = f"1 is shown: {quoted(cut)}" if k == 1 else f"{k:,} are shown: the last of them is {quoted(cut)}"
    return f"At place {place:,} of {counted(of, 'candidate')}, and only {shown}."


def no_candidate() -> str:
    """Say that there was nothing to choose."""
    return "It was not among the candidates."


def nothing_chosen(place: int, of: int) -> str:
    """Say that an answer has no place."""
    return f"At place {place:,} of {counted(of, 'candidate')}, and none is shown."


def explored(chance: float, place: int, of: int) -> str:
    """Say that an item was tried."""
    drawn = "it was the only new one" if of == 1 else f"it was drawn from {of:,} new ones"
    return f"Tried out: {chance:.3g} of all answers show something new at place {place:,}, and {drawn}."


def left_alone() -> str:
    """Say that chance did not meddle."""
    return "Nothing was tried out in this answer."


def moved_down() -> str:
    """Say that something new stands before an item."""
    return "Moved down by one, because something new is tried out before it."


def moved_out() -> str:
    """Say that something new pushed an item out."""
    return "It was the last of the answer and had to make room for something new that is tried out."


def not_drawn(of: int) -> str:
    """Say that chance could have shown an item and did not."""
    return f"It might have been tried out, as one of {counted(of, 'new item')}, but was not drawn."


def nothing_to_try() -> str:
    """Say that an item is none of those that are tried."""
    return "It is none of the items that are tried out."
