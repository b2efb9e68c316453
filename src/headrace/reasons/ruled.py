"""The words in which the rules of a shop are told: which one did what to an item, or to the whole list."""

from headrace.reasons import Figure
from headrace.reasons.words import counted, quoted, value


def by(label: str, of: str) -> str:
    """Return whose rule it is: 'sale' of summer@3."""
    return f"'{label}' of {of}"


def left_out(rule: str) -> str:
    """Say that a rule names an item that it leaves out."""
    return f"Left out by the rule {rule}, which names it."


def is_true(rule: str, expression: str, values: dict[str, Figure]) -> str:
    """Say that a rule leaves out what an item is."""
    return f"Left out by the rule {rule}: {expression}{_so(values)}."


def is_not_true(rule: str, expression: str, values: dict[str, Figure]) -> str:
    """Say that a rule wants what an item is not."""
    return f"Left out by the rule {rule}, which wants {expression}{_so(values)}."


def raised(rules: list[tuple[str, float]]) -> str:
    """Say which rules changed a score, and by how much."""
    told = [f"{'raised' if times > 1 else 'lowered'} ×{times:g} by the rule {rule}" for rule, times in rules]  # noqa: RUF001
    return f"{told[0][0].upper()}{'; '.join(told)[1:]}."


def multiplied(rule: str) -> str:
    """Say whose factor it is."""
    return f"by the rule {rule}"


def at_most_so_much() -> str:
    """Say that the factors of a set came to more than they may, or to less."""
    return "kept to what all factors of a set together may be"


def best_stays_one() -> str:
    """Say that what fills up stays below what it fills up behind."""
    return "what fills up keeps scores of at most 1"


def buried(rules: list[str]) -> str:
    """Say that an item goes behind everything."""
    return f"Put behind everything else by the rule {' and '.join(rules)}."


def no_rule(of: str) -> str:
    """Say that no rule speaks of an item."""
    return f"No rule of {of} speaks of it."


def may_be_pinned(rules: list[str]) -> str:
    """Say why an item is looked at that nothing else proposes."""
    return f"It is pinned by the rule {' and '.join(rules)}." if rules else "It is not pinned."


def pinned(place: int, rule: str) -> str:
    """Say that an item stands where it was pinned."""
    return f"Pinned at place {place:,} by the rule {rule}."


def pinned_earlier(place: int, wanted: int, rule: str) -> str:
    """Say that a list was too short for a pin's place."""
    return f"Pinned at place {wanted:,} by the rule {rule}; the list is shorter, so it stands at place {place:,}."


def not_pinned(wanted: int, rule: str, why: str) -> str:
    """Say that a pin does not stand."""
    return f"The rule {rule} pins it at place {wanted:,}, but {why}."


def place_taken() -> str:
    """Say that another pin came first."""
    return "another pin holds that place"


def twin_pinned() -> str:
    """Say that a variant is pinned already."""
    return "a variant of the same group stands in the list already"


def list_too_short() -> str:
    """Say that the place is behind the list."""
    return "no list as long as that was asked for"


def nothing_to_pin() -> str:
    """Say that a pin found nothing that may be shown."""
    return "nothing of it may be shown"


def against_cap(rule: str) -> str:
    """Say that a strict cap holds against a pin."""
    return f"the strict rule {rule} would be broken"


def at_most(most: int, attribute: str, within: int | None) -> str:
    """Return what a cap says: at most 2 of one categories in any 6 places."""
    span = "the list" if within is None else f"any {counted(within, 'place')} in a row"
    return f"at most {most:,} of one value of {attribute} in {span}"


def held_back(rule: str, cap: str, place: int, before: int) -> str:
    """Say that a cap kept an item from an earlier place; ``before`` is the one by its order alone."""
    instead = f" instead of {before:,}" if place > before else ""
    return f"Held back by the rule {rule} ({cap}): at place {place:,}{instead}."


def held_out(rule: str, cap: str) -> str:
    """Say that a cap kept an item out of the list."""
    return f"Held back by the rule {rule} ({cap})."


def variant_shown(group: str, item_id: str) -> str:
    """Say that another variant is shown instead."""
    return f"Left out because {quoted(item_id)}, a variant of the same group {quoted(group)}, is in the list."


def gave_way(rule: str, place: int) -> str:
    """Say that a relaxed rule gave way at a place."""
    return f"The rule {rule} gave way at place {place:,}, as the list could not have been filled otherwise."


def left_short(rule: str, found: int, wanted: int) -> str:
    """Say that a strict rule left a list short."""
    return f"The strict rule {rule} leaves the list at {found:,} of {wanted:,}: nothing more fits it."


def arranged(place: int, before: int) -> str:
    """Say that an item is where rules about others have put it."""
    return f"At place {place:,} instead of {before:,}, as rules moved others."


def stays(place: int) -> str:
    """Say that no rule moved an item."""
    return f"The rules leave it at place {place:,}."


def among_what_fills() -> str:
    """Say that an item stands among what fills up."""
    return "It fills up, behind everything else."


def varied(place: int, by_score: int, of: int, resembles: str) -> str:
    """Say at which place an item was chosen for the variety of a list."""
    if place == by_score:
        return f"Place {place:,} of {counted(of, 'candidate')}."
    said = f"Place {place:,} of {counted(of, 'candidate')}, {by_score:,} by its score alone: the list is to be varied."
    return f"{said} {resembles}".strip() if place > by_score else said


def resembles(item_id: str, alike: float) -> str:
    """Say what an item resembles."""
    return f"It resembles {quoted(item_id)}, which stands before it ({alike:.0%})."


def _so(values: dict[str, Figure]) -> str:
    return "; " + ", ".join(f"its {name} is {value(of)}" for name, of in values.items()) if values else ""
