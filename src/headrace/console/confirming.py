"""A step between a button and what cannot be taken back: a page that says what will happen, with and without a script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from headrace.console.desk import Desk, Page
from headrace.console.guard import visitor

SURE = "sure"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before it is done: in a title and sentences, the words of the button, and where "no" leads."""

    title: str
    sentences: Sequence[str]
    button: str
    back: str


def is_sure(request: Request) -> bool:
    """Return whether the form comes from the page that asked."""
    return visitor(request).form.get(SURE) == "yes"


def ask(desk: Desk, request: Request, page: Page, question: Question) -> Response:
    """Answer a form with the question; "yes" sends the same form again."""
    fields: Mapping[str, str] = visitor(request).form
    return desk.page(request, "confirm.html", page=page, question=question, fields=fields, sure=SURE)
