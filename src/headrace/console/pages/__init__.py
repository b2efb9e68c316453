"""The pages, in the navigation's order: a new page is one line here."""

from typing import Final

from headrace.console.desk import Page
from headrace.console.pages import dead_letters, items, live, people, recipes, rules, stream

PAGES: Final[tuple[Page, ...]] = (
    live.PAGE,
    people.PAGE,
    items.PAGE,
    stream.PAGE,
    dead_letters.PAGE,
    recipes.PAGE,
    rules.PAGE,
)
