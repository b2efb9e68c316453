"""Queries of Prometheus, held against the metrics that the program declares."""

import re
from typing import Any, Final, NamedTuple

import promql_parser as promql

from headrace import telemetry
from headrace.log.port import Verdict
from headrace.telemetry.spaces import LABEL, Spaced

JOB: Final = "headrace"
BY_PROMETHEUS: Final = frozenset({"job", "instance"})
SAMPLES: Final = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "gauge": ("",)}
VALUES: Final = {"status_family": {"2xx", "3xx", "4xx", "5xx"}, "verdict": {str(one) for one in Verdict}}
GROWING: Final = ("_total", "_bucket", "_count", "_sum")
VARIABLES: Final = {"$__rate_interval": "5m", "$job": JOB, "$instance": ".+", "$space": ".*"}

Node = Any  # the parser tells no types
Samples = dict[str, frozenset[str]]


class Query(NamedTuple):
    """A query and where it stands; ``told`` is what its labels are filled into: a legend, or sentences."""

    place: str
    text: str
    told: str = ""
    together: bool = False
    """Whether the spaces that are chosen are shown as one, where a picture has no room for each."""

    @property
    def parsed(self) -> Node:
        """Return it as Prometheus reads it, Grafana's variables filled in; raises ``ValueError``."""
        text = self.text
        for name, value in VARIABLES.items():
            text = text.replace(name, value)
        return promql.parse(text)

    def parts(self, kind: type) -> list[Node]:
        """Return all parts of a kind."""
        found: list[Node] = []

        def visit(node: object) -> None:
            if isinstance(node, kind):
                found.append(node)

        promql.walk(self.parsed, visit)
        return found


def declared() -> Samples:
    """Return every sample that the program may tell, with its labels, and Prometheus' own word on whether it is there."""
    samples = {"up": BY_PROMETHEUS}
    for metric in vars(telemetry).values():
        if isinstance(metric, Spaced):
            (family,) = metric.describe()
            labels = frozenset(metric.labelnames) | BY_PROMETHEUS | {LABEL}
            for ending in SAMPLES[family.type]:
                samples[family.name + ending] = labels | {"le"} if ending == "_bucket" else labels
    return samples


def faults(query: Query, samples: Samples) -> list[str]:
    """Return what is wrong with a query: it cannot be read, or names what there is not."""
    try:
        selectors, calls = query.parts(promql.VectorSelector), query.parts(promql.Call)
        aggregates = query.parts(promql.AggregateExpr)
    except ValueError as error:
        return [str(error)]
    unknown = [f"there is no {one.name}" for one in selectors if one.name not in samples]
    if unknown or not selectors:
        return unknown or ["it asks for nothing"]
    found = [fault for one in selectors for fault in _asked(one, samples)]
    for one in aggregates:
        beyond = _named(one) - labels_of(one.expr, samples)
        found += [f"there is no {label} to group by" for label in sorted(beyond)]
        if not query.together and LABEL in labels_of(one.expr, samples) - labels_of(one, samples):
            found.append("spaces are thrown together")
    found += ["spaces are not told apart" for one in query.parts(promql.BinaryExpr) if _across_spaces(one)]
    for call in calls:
        name, argument = call.func.name, call.args[-1]
        if name == "histogram_quantile" and "le" not in labels_of(argument, samples):
            found.append("a quantile of no buckets")
        if name in {"rate", "increase"} and not argument.vector_selector.name.endswith(GROWING):
            found.append(f"{argument.vector_selector.name} does not only grow")
    told = set(re.findall(r"\{\{ *(?:\$labels\.)?(\w+)(?=[ }])", query.told)) - {"value"}
    return found + [f"there is no {label} to tell" for label in sorted(told - labels_of(query.parsed, samples))]


def labels_of(node: Node, samples: Samples) -> frozenset[str]:
    """Return the labels that an expression's result has."""
    match type(node):
        case promql.NumberLiteral:
            labels: frozenset[str] = frozenset()
        case promql.VectorSelector:
            labels = samples[node.name]
        case promql.MatrixSelector:
            labels = samples[node.vector_selector.name]
        case promql.AggregateExpr:
            by = node.modifier is None or node.modifier.type == promql.AggModifierType.By
            labels = _named(node) if by else labels_of(node.expr, samples) - _named(node)
        case promql.Call if node.func.name == "absent":
            labels = frozenset(one.name for one in node.args[0].matchers.matchers)
        case promql.Call:
            labels = labels_of(node.args[-1], samples) - ({"le"} if node.func.name == "histogram_quantile" else set())
        case promql.BinaryExpr:
            left, right = (labels_of(one, samples) for one in (node.lhs, node.rhs))
            alone = isinstance(node.lhs, promql.NumberLiteral)
            labels = left & right if str(node.op) == "or" else right if alone else left
        case _:
            labels = labels_of(node.expr, samples)
    return labels


def _named(aggregate: Node) -> frozenset[str]:
    return frozenset() if aggregate.modifier is None else frozenset(aggregate.modifier.labels)


def _across_spaces(both: Node) -> bool:
    """Tell whether two sides are matched by named labels of which the space is none."""
    matching = None if both.modifier is None else both.modifier.matching
    return matching is not None and str(both.modifier).startswith("on") and LABEL not in matching.labels


def _asked(selector: Node, samples: Samples) -> list[str]:
    asked = {one.name: one.value for one in selector.matchers.matchers}
    found = [f"{selector.name} has no {label}" for label in asked.keys() - samples[selector.name]]
    found += [f"{label} is never {value}" for label, value in asked.items() if value not in VALUES.get(label, {value})]
    return found if asked.get("job") == JOB else [*found, f"{selector.name} of whichever job"]
