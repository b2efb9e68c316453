"""What the demonstration measures: rates, latencies, and CTR@20 in windows of ten seconds for two groups."""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from typing import Final

WINDOW_S: Final = 10.0
_RECENT_S: Final = 5.0
_BARS: Final = "▁▂▃▄▅▆▇█"


class Group(StrEnum):
    """Who is shown what: viewers are shown what the system learned, the control group popular items only."""

    LEARNED = "learned"
    CONTROL = "control"


@dataclass(slots=True)
class Window:
    """What one group was shown and took in ten seconds."""

    shown: int = 0
    taken: int = 0

    @property
    def ctr_pct(self) -> float | None:
        """Return taken over shown in percent; None if nothing was shown."""
        return 100 * self.taken / self.shown if self.shown else None


@dataclass(slots=True)
class Meter:
    """Counts; all times are seconds since the demonstration began."""

    seconds: float
    requests: int = 0
    events: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    _windows: defaultdict[tuple[Group, int], Window] = field(default_factory=lambda: defaultdict(Window))
    _recent_requests: deque[float] = field(default_factory=deque)
    _recent_events: deque[float] = field(default_factory=deque)

    def asked(self, group: Group, at_s: float, latency_ms: float, shown: int) -> None:
        """Count an answer of so many items (of the first twenty) that was asked for at this time."""
        self.requests += 1
        self.latencies_ms.append(latency_ms)
        self._recent_requests.append(at_s)
        self._window(group, at_s).shown += shown

    def took(self, group: Group, asked_at_s: float) -> None:
        """Count an item that was taken from an answer; it belongs to the window in which the answer was asked for."""
        self._window(group, asked_at_s).taken += 1

    def sent(self, at_s: float) -> None:
        """Count an event that was acknowledged."""
        self.events += 1
        self._recent_events.append(at_s)

    def per_second(self, now_s: float) -> tuple[float, float]:
        """Return (requests, events) a second over the last five seconds."""
        return _rate(self._recent_requests, now_s), _rate(self._recent_events, now_s)

    def latency_ms(self, part: float) -> float | None:
        """Return the latency that this part (0..1) of the answers kept to; None before the first."""
        ordered = sorted(self.latencies_ms)
        return ordered[max(0, ceil(part * len(ordered)) - 1)] if ordered else None

    def windows(self, group: Group, now_s: float) -> list[float | None]:
        """Return the CTR@20 in percent of every window that is over, in order."""
        return [self._windows[group, number].ctr_pct for number in range(int(min(now_s, self.seconds) // WINDOW_S))]

    def whole(self, group: Group) -> Window:
        """Return everything that a group was shown and took."""
        own = [window for (whose, _), window in self._windows.items() if whose is group]
        return Window(sum(window.shown for window in own), sum(window.taken for window in own))

    def _window(self, group: Group, at_s: float) -> Window:
        return self._windows[group, int(at_s // WINDOW_S)]


def ends(windows: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Return the first and the last window in which anything was shown."""
    known = [window for window in windows if window is not None]
    return (known[0], known[-1]) if known else (None, None)


def sparkline(windows: Sequence[float | None], highest: float) -> str:
    """Return one bar a window, a dot where nothing was shown; ``highest`` is what a full bar stands for."""
    step = highest / (len(_BARS) - 1) if highest > 0 else 1.0
    return "".join("·" if window is None else _BARS[min(len(_BARS) - 1, round(window / step))] for window in windows)


def _rate(recent: deque[float], now_s: float) -> float:
    while recent and recent[0] < now_s - _RECENT_S:
        recent.popleft()
    return len(recent) / min(_RECENT_S, max(now_s, 0.5))
