"""Makes the OpenAPI page of all routes, the hot ones and the framework's alike, from the table of operations."""

import copy
import inspect
from typing import Any, Final

import msgspec

from headrace import __version__
from headrace.api.operations import OPERATIONS, Operation
from headrace.api.problem import Problem
from headrace.api.query import SPACE_HEADER
from headrace.config.spaces import DEFAULT
from headrace.events.contract import Limits
from headrace.events.wire import ImpressionIn, WatchIn

_REFERENCE: Final = "#/components/schemas/{name}"
_JSON: Final = "application/json"
_ALONE: Final = {ImpressionIn: "ImpressionAlone", WatchIn: "WatchAlone"}
"""Sent alone, an event may leave its ``event_type`` out: the route says it."""

_REFUSALS: Final = {
    400: "The body is not JSON.",
    404: "There is no such thing.",
    408: "The body did not arrive in time; the connection is closed.",
    413: "The body, or one event in it, is too large.",
    422: "What was sent breaks the contract; `errors` names every offending field.",
    500: "A bug of ours.",
    503: "Something the answer needs is away: send the same request again after `Retry-After` seconds.",
}
_SPACE: Final = {
    "name": SPACE_HEADER,
    "in": "header",
    "required": False,
    "description": "The space that is meant, where there are several, each with data, recipes and settings of its own; "
    "without it, the default one.",
    "schema": {"type": "string", "default": DEFAULT},
}
_NO_BRACES: Final = str.maketrans("", "", "{}")
_TAGS: Final = (
    ("events", "What users do. Durable when answered, counted exactly once."),
    ("recommendations", "What to show them."),
    ("catalogue", "What is known of items beside what users do with them."),
    ("rules", "What a shop wants of every list, in versions of which one may be live."),
    ("operation", "How the service is."),
)


def document(limits: Limits) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document with the limits in force."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "headrace",
            "version": __version__,
            "description": "A real-time recommender: every event changes the next answer, and counts exactly once.",
        },
        "tags": [{"name": name, "description": text} for name, text in _TAGS],
        "paths": paths,
        "components": {
            "parameters": {"Space": _SPACE},
            "schemas": _schemas(limits),
            "responses": {str(status): _refusal(status, text) for status, text in _REFUSALS.items()},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{operation.method.lower()}_{operation.path.strip('/').replace('/', '_').translate(_NO_BRACES)}",
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": {
            "200": _success(operation),
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in operation.statuses if status != 200},
        },
    }
    if operation.description:
        described["description"] = operation.description
    described["parameters"] = [
        {"$ref": "#/components/parameters/Space"},
        *(
            {
                "name": one.name,
                "in": one.place,
                "required": one.required,
                "description": one.description,
                "schema": dict(one.schema),
            }
            for one in operation.parameters.values()
        ),
    ]
    if operation.body is not None:
        name = _ALONE.get(operation.body, operation.body.__name__)
        content = {"schema": {"$ref": _REFERENCE.format(name=name)}, "example": operation.example}
        described["requestBody"] = {"required": True, "content": {_JSON: content}}
    return described


def _success(operation: Operation) -> dict[str, Any]:
    if operation.answer is None:
        return {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    content: dict[str, Any] = {"schema": {"$ref": _REFERENCE.format(name=operation.answer.__name__)}}
    if operation.reply is not None:
        content["example"] = operation.reply
    success: dict[str, Any] = {"description": inspect.getdoc(operation.answer), "content": {_JSON: content}}
    if operation.headers:
        success["headers"] = {
            name: {"description": text, "schema": {"type": "integer"}} for name, text in operation.headers.items()
        }
    return success


def _refusal(status: int, text: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(name="Problem")}}}
    refusal: dict[str, Any] = {"description": text, "content": content}
    if status == 503:
        wait = {"description": "A fair wait in seconds.", "schema": {"type": "integer", "minimum": 1}}
        refusal["headers"] = {"Retry-After": wait}
    return refusal


def _schemas(limits: Limits) -> dict[str, Any]:
    shown: set[type[msgspec.Struct]] = {Problem}
    for operation in OPERATIONS:
        shown.update(struct for struct in (operation.body, operation.answer) if struct is not None)
    ordered = sorted(shown, key=lambda struct: struct.__name__)
    _, schemas = msgspec.json.schema_components(ordered, ref_template=_REFERENCE)
    for struct, name in _ALONE.items():
        alone = copy.deepcopy(schemas[struct.__name__])
        alone["title"] = name
        alone["required"].remove("event_type")
        schemas[name] = alone
    schemas["BatchIn"]["properties"]["events"]["maxItems"] = limits.max_batch
    return dict(sorted(schemas.items()))
