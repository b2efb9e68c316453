"""Figures of several spaces in one process: whoever counts names no space, and still counts in the right one.

Which space is worked for is a context variable: every task takes it along from whoever started it. The default space's samples
have no label of it, so they are what they are where it is the only one; those of others have ``space``.
"""

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Generic, TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric

from headrace.telemetry import histogram

LABEL: Final = "space"
_space: Final[ContextVar[str]] = ContextVar("space", default="")

M = TypeVar("M", bound="prometheus_client.Counter | prometheus_client.Gauge | histogram.Histogram")


@contextmanager
def counted_in(space: str) -> Iterator[None]:
    """Count and log in a space within the block, and in every task that is started there; the default one has no name."""
    before = _space.set(space)
    try:
        yield
    finally:
        _space.reset(before)


def tell_space(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the space to a log entry, except the default one."""
    if space := _space.get():
        entry.setdefault(LABEL, space)
    return entry


class Spaced(Generic[M]):
    """One metric in every space; ``here`` is that of the space which is worked for."""

    def __init__(self, make: Callable[[], M], labels: Sequence[str], registry: CollectorRegistry) -> None:
        self.labelnames = tuple(labels)
        self._make = make
        self._default = make()
        self._others: dict[str, M] = {}
        registry.register(self)

    def here(self) -> M:
        """Return the metric of the space that is worked for."""
        space = _space.get()
        if not space:
            return self._default
        if space not in self._others:
            self._others[space] = self._make()
        return self._others[space]

    def describe(self) -> Iterator[Metric]:
        """Yield the family without its samples."""
        yield from self._default.describe()

    def collect(self) -> Iterator[Metric]:
        """Yield the family: the default space's samples, then those of the others with their label."""
        (family,) = self._default.collect()
        for space, metric in list(self._others.items()):
            for other in metric.collect():
                for sample in other.samples:
                    family.samples.append(sample._replace(labels={**sample.labels, LABEL: space}))
        yield family


class Counter(Spaced[prometheus_client.Counter]):
    """A counter in every space."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str] = (), *, registry: CollectorRegistry) -> None:
        super().__init__(lambda: prometheus_client.Counter(name, documentation, labels, registry=None), labels, registry)

    def labels(self, *values: str) -> prometheus_client.Counter:
        """Return the counter of these values in this space, for good."""
        return self.here().labels(*values)

    def inc(self, amount: float = 1) -> None:
        """Count."""
        self.here().inc(amount)


class Gauge(Spaced[prometheus_client.Gauge]):
    """A gauge in every space."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str] = (), *, registry: CollectorRegistry) -> None:
        super().__init__(lambda: prometheus_client.Gauge(name, documentation, labels, registry=None), labels, registry)

    def labels(self, *values: str) -> prometheus_client.Gauge:
        """Return the gauge of these values in this space, for good."""
        return self.here().labels(*values)

    def set(self, value: float) -> None:
        """Set the figure."""
        self.here().set(value)

    def set_function(self, tell: Callable[[], float]) -> None:
        """Have the figure told by a function whenever it is asked for: what a whole process has, whatever its spaces."""
        self._default.set_function(tell)


class Histogram(Spaced[histogram.Histogram]):
    """A histogram in every space; see ``histogram.Histogram``."""

    def __init__(
        self,
        name: str,
        documentation: str,
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry,
        including: "Histogram | None" = None,
    ) -> None:
        def make() -> histogram.Histogram:
            included = None if including is None else including.here()
            return histogram.Histogram(name, documentation, buckets=buckets, registry=None, including=included)

        super().__init__(make, (), registry)
        self.bounds = list(buckets)

    def observe(self, amount: float, times: int = 1) -> None:
        """Count an observation, or the same one several times."""
        self.here().observe(amount, times)


class _Part:
    """What one space has in a registry."""

    def __init__(self, registry: CollectorRegistry, space: str) -> None:
        self._registry = registry
        self._space = space

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if sample.labels.get(LABEL, "") == self._space]
            yield family


def own_page(registry: CollectorRegistry) -> str:
    """Return the page of the space that is worked for alone."""
    return generate_latest(_Part(registry, _space.get())).decode()
