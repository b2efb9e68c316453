"""From what the stages say of an item to what is told of it: the user's events beside the numbers, and the words in front."""

from collections.abc import Iterable, Mapping, Sequence

from headrace.pipeline import Candidates, Trace
from headrace.reasons import words
from headrace.serving.explaining.following import Following, Told
from headrace.serving.explaining.told import Because, ItemReasons, Liked, PastEvent, PictureTold, StageTold
from headrace.snapshot.picture import Picture

Events = Mapping[str, Sequence[PastEvent]]


def reasons(following: Following, answer: Candidates, place: int, events: Events, now_ms: int) -> ItemReasons:
    """Return why the item at this place (from 0) of an answer stands there."""
    item = int(answer.items[place])
    way = following.way(item)
    return ItemReasons(
        item_id=following.picture.ids[item],
        place=place + 1,
        score=float(answer.scores[place]),
        source=answer.sources[answer.source[place]],
        propensity=1.0 if answer.propensities is None else float(answer.propensities[place]),
        words=sentences(way.made, events, now_ms),
        because=because(way.made, events),
        popularity=liked(following.picture, item),
        did=[told.did() for told in way.made],
        also=[told.did() for told in way.also],
    )


def because(made: Iterable[Told], events: Events) -> list[Because]:
    """Return which of the user's items speak for one, the loudest first."""
    found = [
        Because(
            term.item_id,
            told.step.name,
            term.adds,
            _whole(term.figures.get("meetings")),
            _real(term.figures.get("strength_now")),
            term.words,
            list(events.get(term.item_id, ())),
        )
        for told in made
        for term in told.reason.terms
        if term.item_id is not None
    ]
    return sorted(found, key=lambda one: -one.adds)


def sentences(made: Sequence[Told], events: Events, now_ms: int) -> list[str]:
    """Return what is said of an item, the chief reason first."""
    said: list[str] = []
    for number, told in enumerate(made):
        reason = told.reason
        speaking = [term for term in reason.terms if term.item_id is not None]
        if number == 0 and speaking:
            loudest = sorted(speaking, key=lambda term: -term.adds)
            names = [term.item_id for term in loudest if term.item_id is not None]
            newest = next(iter(events.get(names[0], ())), None)
            if newest is not None:
                done = words.did(newest.event_type, names[0], now_ms - newest.ts_ms)
                said.append(words.shown_because(done, loudest[0].words, names[1:]))
                continue
        if number == 0 or told.mattered:
            said.append(reason.words)
            said.extend(_done(reason.about, events, now_ms))
    return list(dict.fromkeys(one for one in said if one))


def sentence_of(told: Told, events: Events, now_ms: int) -> list[str]:
    """Return what a stage says of an item that it did not let pass, with the event that is the reason."""
    return [told.reason.words, *_done(told.reason.about, events, now_ms)]


def liked(picture: Picture, item: int) -> Liked:
    """Return an item's popularity."""
    now = picture.now_factor
    return Liked(
        int(picture.events[item]),
        int(picture.weight[item]),
        float(picture.decayed[item]) / now,
        float(picture.visits[item]) / now,
    )


def picture_told(picture: Picture) -> PictureTold:
    """Return which knowledge a picture is."""
    return PictureTold(picture.generation, dict(picture.position()), picture.as_of_ms, picture.newest_ts_ms)


def stages(trace: Trace) -> list[StageTold]:
    """Return the stages with their counts, in order."""
    return [StageTold(step.kind, step.name, len(step.before), len(step.after), step.within) for step in trace.steps]


def _done(item_id: str | None, events: Events, now_ms: int) -> list[str]:
    newest = None if item_id is None else next(iter(events.get(item_id, ())), None)
    if item_id is None or newest is None:
        return []
    return [words.you(words.did(newest.event_type, item_id, now_ms - newest.ts_ms))]


def _whole(figure: object) -> int | None:
    return figure if isinstance(figure, int) else None


def _real(figure: object) -> float | None:
    return float(figure) if isinstance(figure, int | float) else None
