"""Co-visitation: which items meet in one session, how close and how lately.

Write half: for an event on item x at time t with forward factor F, walk back over the session's items y_1, y_2, … y_W:
C[y_d -> x] += w(x)·F/d^g and C[x -> y_d] += w(y_d)·beta·F/d^g, stopping at an earlier x. A late event also meets what already
followed it, walking forward in the same way with the factors of those later events, so that the order of arrival changes
no more than the step weight of its own session. Repeats of one item in a row count as one step. ``visits`` of x grows by F
unless x directly repeats itself.

Read half: with the history h_1 (newest), h_2, … of distinct items, candidate c scores
(events[c] + 1)^-tau · sum_r C[h_r -> c] / (r^q · (visits[h_r] + s·F)), with F at the newest time the stream has seen.
It stands in ``retrieval.covisitation``; what it divides by is written here.
"""

from collections.abc import Iterator, Sequence

from headrace.features.decay import factor as decay_factor
from headrace.features.history import Entry
from headrace.features.settings import FeatureSettings
from headrace.features.writes import Writes


def project(
    entry: Entry, factor: float, history: Sequence[Entry], at: int, settings: FeatureSettings, landmark_ms: int, writes: Writes
) -> None:
    """Pair one event with its session's neighbours in time; ``at`` is where it belongs in ``history`` (oldest first)."""
    item_id, weight = entry.item_id, entry.weight
    pair, backward, step_decay = writes.pair, settings.backward, settings.step_decay
    repeated = False
    for step, earlier in _walk(entry, history, range(at - 1, -1, -1), settings):
        earlier_id = earlier.item_id
        if earlier_id == item_id:
            repeated = step == 1
            break
        strength = factor / step**step_decay
        pair(earlier_id, item_id, weight * strength, earlier.weight * backward * strength)
    if not repeated:
        writes.item(item_id).visits += factor
    if at == len(history):
        return
    for step, later in _walk(entry, history, range(at, len(history)), settings):
        if later.item_id == item_id:
            break
        strength = decay_factor(later.ts_ms, landmark_ms, settings.half_life_ms) / step**settings.step_decay
        writes.pair(item_id, later.item_id, later.weight * strength, entry.weight * settings.backward * strength)


def _walk(entry: Entry, history: Sequence[Entry], indices: range, settings: FeatureSettings) -> Iterator[tuple[int, Entry]]:
    """Yield (step, neighbour) over the entry's session in one direction, at most ``window`` steps.

    Of two neighbouring events that both name a session the names decide whether it is one; otherwise a pause longer than the
    gap ends it. This is the innermost loop of the worker.
    """
    step = 0
    last_id, last_session, last_ms = entry.item_id, entry.session_id, entry.ts_ms
    gap_ms, window = settings.session_gap_ms, settings.window
    for index in indices:
        other = history[index]
        session, item_id = other.session_id, other.item_id
        if session is not None and last_session is not None:
            if session != last_session:
                # Sessions of one user may run side by side: one that names another session is passed over.
                continue
        elif abs(last_ms - other.ts_ms) > gap_ms:
            return
        last_session, last_ms = session, other.ts_ms
        if step and item_id == last_id:
            continue
        step += 1
        if step > window:
            return
        yield step, other
        last_id = item_id
