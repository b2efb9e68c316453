"""Every route in one table, a module a tag. The OpenAPI page is made from it."""

from typing import Final

from headrace.api.operations import catalogue, events, recommendations, rules, service
from headrace.api.operations.operation import Operation

OPERATIONS: Final = (
    *events.OPERATIONS,
    *recommendations.OPERATIONS,
    *catalogue.OPERATIONS,
    *rules.OPERATIONS,
    *service.OPERATIONS,
)

__all__ = ["OPERATIONS", "Operation"]
