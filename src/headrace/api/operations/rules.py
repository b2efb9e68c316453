"""The routes of rules: what a shop wants of every list."""

from typing import Any, Final

from headrace.api import answers
from headrace.api.operations.operation import Operation
from headrace.api.rules import PUT_PARAMETERS, READ_PARAMETERS, RULE_PARAMETERS
from headrace.rules.declared import RuleSet

_RULES: Final[dict[str, Any]] = {
    "about": "The summer sale",
    "exclude": [{"name": "no adult", "where": "adult"}],
    "boost": [{"name": "sale", "where": '"sale" in tags', "times": 1.5, "until": "2026-09-01T00:00:00Z"}],
    "pin": [{"position": 1, "items": ["i7"]}],
    "cap": [{"by": "categories", "most": 2, "within": 6}],
}
_LISTED: Final[dict[str, Any]] = {
    "name": "summer",
    "version": 3,
    "made_at_ms": 1767225600000,
    "live": 3,
    "about": "The summer sale",
    "rules": 4,
}

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/rules",
        tag="rules",
        summary="List the rule sets",
        description="Each with its newest version, and which is live.",
        answer=answers.RulesAnswer,
        refusals=(422, 503),
        reply={"rules": [_LISTED], "live": {"name": "summer", "version": 3, "since_ms": 1767225600000}},
    ),
    Operation(
        method="PUT",
        path="/rules/{name}",
        tag="rules",
        summary="Put a rule set",
        description="It becomes the set's next version, and is live only if `live` says so; older versions are kept. "
        "What is wrong is named by its field, and in an expression by its character.",
        parameters=PUT_PARAMETERS,
        body=RuleSet,
        answer=answers.RulesPut,
        refusals=(400, 422, 503),
        example=_RULES,
        reply={"name": "summer", "version": 3, "live": False, "doubts": []},
    ),
    Operation(
        method="GET",
        path="/rules/{name}",
        tag="rules",
        summary="Read a version of a rule set",
        parameters=READ_PARAMETERS,
        answer=answers.RulesKept,
        refusals=(404, 422, 503),
        reply={
            "name": "summer",
            "version": 3,
            "made_at_ms": 1767225600000,
            "live": True,
            "rules": _RULES,
            "versions": [{"version": 3, "made_at_ms": 1767225600000}],
        },
    ),
    Operation(
        method="DELETE",
        path="/rules/{name}",
        tag="rules",
        summary="Take a rule set away",
        description="Not while it is live. Its versions can still be read by their numbers, and no number is given twice.",
        parameters=RULE_PARAMETERS,
        answer=answers.RulesGone,
        refusals=(404, 422, 503),
        reply={"status": "ok", "name": "summer"},
    ),
    Operation(
        method="PUT",
        path="/rules/{name}/live",
        tag="rules",
        summary="Make a version live",
        description="It is laid over every answer of the space, in every process within a second.",
        parameters=READ_PARAMETERS,
        answer=answers.RulesPut,
        refusals=(404, 422, 503),
        reply={"name": "summer", "version": 3, "live": True, "doubts": []},
    ),
    Operation(
        method="DELETE",
        path="/rules/{name}/live",
        tag="rules",
        summary="Have no rules live",
        parameters=RULE_PARAMETERS,
        answer=answers.RulesPut,
        refusals=(404, 422, 503),
        reply={"name": "summer", "version": 3, "live": False, "doubts": []},
    ),
)
