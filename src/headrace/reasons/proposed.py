"""What sources say of an item: what led to it, or why nothing did, and what its score there is made of."""

from headrace.reasons.words import counted, days, listed, quoted, times


def seen_together(item_id: str, meetings: int) -> str:
    """Say how often two items met."""
    return f"the two were seen together {times(meetings)}" if meetings else f"it goes with {quoted(item_id)}"


def goes_with(item_ids: list[str]) -> str:
    """Say which of the user's items speak for one."""
    return f"It was seen together with {listed(item_ids)} of yours."


def goes_with_none(speaking: int) -> str:
    """Say that none of the user's items leads to one."""
    if not speaking:
        return "There are no events of yours yet that anything could go with."
    if speaking == 1:
        return "It is not among the strongest neighbours of your latest item."
    return f"It is among the strongest neighbours of none of your {counted(speaking, 'latest item')}."


def would_bring(item_id: str, meetings: int) -> str:
    """Say which event would have an item proposed."""
    return f"An event of yours on {quoted(item_id)} would propose it: the two were seen together {times(meetings)}."


def speaks_no_more(item_id: str, meetings: int, history: int) -> str:
    """Say that an item of the user's leads to one, but is too far back."""
    return (
        f"It was seen together {times(meetings)} with {quoted(item_id)}, which is too far back in your history: "
        f"only your latest {counted(history, 'item')} speak."
    )


def met_nothing() -> str:
    """Say that an item has met no other."""
    return "It has not been seen together with anything yet: somebody's visit to it and to something else is needed."


def led_to_by_none() -> str:
    """Say that no item leads to one."""
    return "It was seen together with others, but is among the strongest neighbours of none of them."


def like(item_id: str, by: str) -> str:
    """Say that an item is like one of the user's."""
    return f"it is like {quoted(item_id)}{by}"


def by(texts: int, categories: int, attributes: int) -> str:
    """Say what two items share: by its title or text and its categories."""
    kinds = (("its title or text", texts), ("its category" if categories == 1 else "its categories", categories))
    named = [name for name, count in (*kinds, ("its attributes", attributes)) if count]
    return "" if not named else f" by {named[0]}" if len(named) == 1 else f" by {', '.join(named[:-1])} and {named[-1]}"


def alike(item_ids: list[str]) -> str:
    """Say which of the user's items one is like."""
    return f"By what the catalogue says of it, it is like {listed(item_ids)} of yours."


def like_none() -> str:
    """Say that an item is like none of the user's."""
    return "It is not among the items that are most like your latest ones."


def says_nothing() -> str:
    """Say that nothing is known of an item by which it could be like another."""
    return "The catalogue has no title, category or text of it by which it could be like anything."


def few_events(events: int) -> str:
    """Say that likeness counts the less, the more is known of an item."""
    if not events:
        return "it has no events yet, so what it is like counts in full"
    return f"it has {counted(events, 'event')}, so what it is like counts for less"


def trending_in(place: int, categories: list[str]) -> str:
    """Say how much an item is liked now in what is looked at."""
    return f"It is liked now in {listed(categories)}, which you are looking at: place {place:,}."


def in_category_without_events(categories: list[str]) -> str:
    """Say that an item is in what is looked at."""
    return f"It is in {listed(categories)}, which you are looking at; nobody has done anything with it yet."


def in_none_of(categories: list[str]) -> str:
    """Say that an item is in none of the categories that are looked at."""
    return f"It is not in {listed(categories)}, which you are looking at."


def no_categories() -> str:
    """Say that no category is looked at."""
    return "The question names no category that you are looking at."


def popular(place: int, of: int) -> str:
    """Say how popular an item is."""
    return f"It is popular: place {place:,} of {counted(of, 'item')} lately."


def not_popular_enough(place: int, reach: int) -> str:
    """Say that an item is too far down among the popular ones."""
    return f"Among the popular items it is at place {place:,}; the answer looks at the first {reach:,}."


def no_events() -> str:
    """Say that nobody did anything with an item."""
    return "Nobody has done anything with it yet."


def needs_weight(needed: float, has: float) -> str:
    """Say how popular an item would have to be."""
    return f"It would need a popularity of {needed:.3g} or more, and has {has:.3g}."


def trending(place: int, age_days: float) -> str:
    """Say how much an item is liked now."""
    return f"It is liked now: place {place:,} of what is popular, its events {days(age_days)} old in the mean."


def not_trending() -> str:
    """Say that an item is not liked enough now."""
    return "It is not popular enough just now to be among what is liked."


def new(events: int, age_days: float) -> str:
    """Say that an item is new."""
    return f"It is new: {counted(events, 'event')}, {days(age_days)} old in the mean."


def not_new(events: int, most: int, age_days: float, oldest: float) -> str:
    """Say why an item does not count as new."""
    if not events:
        return no_events()
    if events > most:
        return f"It is not new: it has {counted(events, 'event')}, and what is new has at most {most:,}."
    return f"It is not new: its events are {days(age_days)} old in the mean, and at most {days(oldest)} is new."


def had() -> str:
    """Say that an item may come again."""
    return "You had to do with it lately and may want to come back."


def not_had(history: int) -> str:
    """Say that an item is none that could come again."""
    return f"It is none of the {counted(history, 'latest item')} of yours that may come again."


def best_is_one(item_id: str) -> str:
    """Say what scores are divided by."""
    return f"the best score, that of {quoted(item_id)}, becomes 1"


def held_against(events: int) -> str:
    """Say that an item's count of events is held against it."""
    return f"held back a little for its {counted(events, 'event')}: what everybody sees anyway needs no push"


def weighs(events: int) -> str:
    """Say what popularity is made of."""
    return f"{counted(events, 'event')}, lately ones counting for more"


def fresh(age_days: float, half_life_days: float) -> str:
    """Say that freshness counts."""
    return f"its weight of now, halved for every {days(half_life_days)} of its mean age of {days(age_days)}"
