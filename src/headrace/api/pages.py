"""The routes that are not hot, on the framework: the second recommendation view, contract, figures, health, documentation."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, cast

import msgspec
import swagger_ui_bundle
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from headrace import telemetry
from headrace.api import limits, problem, question
from headrace.api.answers import BaselineAnswer, ContractAnswer, Health, Reason, RecommendAnswer
from headrace.api.hot import reco_reply
from headrace.api.items import item_routes
from headrace.api.openapi import document
from headrace.api.patience import within
from headrace.api.query import parse
from headrace.api.receipts import receipt_routes
from headrace.api.reply import Reply, json_reply, response
from headrace.api.routing import route
from headrace.api.rules import rule_routes
from headrace.api.services import Services
from headrace.api.targets import BASELINE_PARAMETERS, KpiTargets, SlaTargets
from headrace.api.window import Window
from headrace.errors import Rejected, Unavailable, Violation
from headrace.expressions import ExpressionError
from headrace.serving.recipes import RecipeError

FIGURES_S: Final = 4.0
"""How long figures that come from the database are waited for: less than whoever collects them waits for the page."""

_ASSETS: Final = {"swagger-ui-bundle.js": b"text/javascript", "swagger-ui.css": b"text/css", "favicon-32x32.png": b"image/png"}


def build(services: Services, window: Window) -> Starlette:
    """Return the framework's application with every route that is not hot."""
    routes = [
        *_answers(services),
        *_explanations(services),
        *item_routes(services),
        *receipt_routes(services),
        *rule_routes(services),
        *_figures(services, window),
        *_documentation(services),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={Rejected: _rejected, Unavailable: _unavailable, HTTPException: _refused, Exception: _bug},
    )
    app.router.redirect_slashes = False
    return app


def _answers(services: Services) -> Sequence[Route]:
    async def recommend(request: Request) -> Reply:
        asked: Mapping[str, Any] = parse(request.scope["query_string"], question.RECOMMEND_PARAMETERS)
        answer = await services.recommender.recommend(asked["user_id"], None, asked["k"], record=False)
        reason = Reason(answer.strategy, answer.sources)
        return json_reply(RecommendAnswer(asked["user_id"], answer.items, reason, answer.model_version))

    async def similar(request: Request) -> Reply:
        asked: Mapping[str, Any] = parse(request.scope["query_string"], question.SIMILAR_PARAMETERS)
        return reco_reply(await services.recommender.similar(asked["item_id"], asked["k"]))

    async def trending(request: Request) -> Reply:
        asked: Mapping[str, Any] = parse(request.scope["query_string"], question.TRENDING_PARAMETERS)
        return reco_reply(await services.recommender.trending(asked["k"]))

    async def contract(_request: Request) -> Reply:
        in_force = limits.in_force(services.contract.limits)
        return json_reply(ContractAnswer(KpiTargets(), SlaTargets(), in_force))

    async def healthz(_request: Request) -> Reply:
        return json_reply(Health())

    async def readyz(_request: Request) -> Reply:
        return problem.readiness(services.readiness())

    return [
        route("/recommend", recommend),
        route("/similar", similar),
        route("/trending", trending),
        route("/contract", contract),
        route("/healthz", healthz),
        route("/readyz", readyz),
    ]


def _explanations(services: Services) -> Sequence[Route]:
    async def explain(request: Request) -> Reply:
        if request.method == "POST":
            asked = question.why_from_body(await request.body())
        else:
            asked = question.why_from_query(request.scope["query_string"])
        try:
            wish = await asked.wish(services.rules)
            why = await services.explainer.why(asked.user_id, asked.item_id, asked.session_id, asked.k, asked.recipe, wish=wish)
        except RecipeError as error:
            raise Rejected(422, question.BROKEN, (Violation("recipe", str(error)),)) from None
        except ExpressionError as error:
            raise Rejected(422, question.BROKEN, (Violation("filter", str(error)),)) from None
        return json_reply(why)

    return [route("/explain", explain, "GET", "POST")]


def _figures(services: Services, window: Window) -> Sequence[Route]:
    async def reco(_request: Request) -> Reply:
        return json_reply(window.metrics())

    async def prometheus(_request: Request) -> Reply:
        if not services.metrics_shown:
            return problem.not_shown("PROMETHEUS_METRICS_ENABLED=false")
        try:
            workers = await within(services.worker_metrics(), FIGURES_S)
        except Unavailable as error:
            workers = f"# the workers' figures are away: {' '.join(str(error).split())}\n"
        return Reply(200, generate_latest(telemetry.REGISTRY) + workers.encode(), CONTENT_TYPE_LATEST.encode())

    async def baseline(request: Request) -> Reply:
        days = parse(request.scope["query_string"], BASELINE_PARAMETERS)["days"]
        return json_reply(BaselineAnswer(KpiTargets(), await services.baseline(days)))

    async def worker(_request: Request) -> Reply:
        return json_reply(await services.worker_figures())

    return [
        route("/metrics/reco", reco),
        route("/metrics/prometheus", prometheus),
        route("/analytics/baseline", baseline),
        route("/stream/worker", worker),
    ]


def _documentation(services: Services) -> Sequence[Route]:
    page = (files("headrace.api") / "docs.html").read_bytes()
    described = cache(lambda: msgspec.json.encode(document(services.contract.limits)))  # 30 ms, for those who ask

    async def start(_request: Request) -> Response:
        return RedirectResponse("/docs")

    async def docs(_request: Request) -> Reply:
        return Reply(200, page, b"text/html; charset=utf-8")

    async def openapi(_request: Request) -> Reply:
        return Reply(200, described())

    async def asset(request: Request) -> Reply:
        name = request.path_params["name"]
        if name not in _ASSETS:
            return problem.not_found(request.url.path)
        content = (swagger_ui_bundle.swagger_ui_path / name).read_bytes()
        return Reply(200, content, _ASSETS[name], ((b"cache-control", b"max-age=86400"),))

    return [route("/", start), route("/docs", docs), route("/docs/{name}", asset), route("/openapi.json", openapi)]


async def _rejected(_request: Request, error: Exception) -> Response:
    return response(problem.rejection(cast("Rejected", error)))


async def _unavailable(_request: Request, error: Exception) -> Response:
    return response(problem.unavailable(cast("Unavailable", error)))


async def _refused(request: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    if refusal.status_code == 405:
        return response(problem.wrong_method(request.method, (refusal.headers or {}).get("Allow", "").split(", ")))
    if refusal.status_code == 404:
        return response(problem.not_found(request.url.path))
    return response(problem.reply(problem.problem(refusal.status_code, str(refusal.detail))))


async def _bug(_request: Request, _error: Exception) -> Response:
    return response(problem.internal())
