"""Doing something in the running product, and waiting until answers know of it."""

from tests.acceptance.town import Town


def act(town: Town, user: str, item: str, kind: str = "view", **more: object) -> None:
    """Send an interaction and wait until its receipt says that every API process answers from it.

    Whatever else is going on meanwhile: nothing is waited for but this event.
    """
    body = town.event(user, item, kind, **more)
    status, answer = town.call("POST", "/event", body)
    if status != 200:
        raise AssertionError(f"POST /event: {status} {answer}")
    town.until(lambda: town.get(f"/events/{body['event_id']}")["status"] == "visible", f"{user}'s {kind} of {item} is visible")
