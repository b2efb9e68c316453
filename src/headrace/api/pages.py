"""The routes that are not hot, on the framework: the second recommendation view, contract, figures, health, documentation."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import swagger_ui_bundle
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from headrace import __version__, telemetry
from headrace.api import limits, problem, question
from headrace.api.answers import BaselineAnswer, ContractAnswer, Health, Reason, RecommendAnswer
from headrace.api.hot import reco_reply
from headrace.api.items import add_items
from headrace.api.openapi import document
from headrace.api.patience import within
from headrace.api.query import parse
from headrace.api.receipts import add_receipts
from headrace.api.reply import json_reply, response
from headrace.api.rules import add_rules
from headrace.api.services import Services
from headrace.api.targets import BASELINE_PARAMETERS, KpiTargets, SlaTargets
from headrace.api.window import Window
from headrace.errors import Rejected, Unavailable, Violation
from headrace.expressions import ExpressionError
from headrace.serving.recipes import RecipeError

FIGURES_S: Final = 4.0
"""How long figures that come from the database are waited for: less than whoever collects them waits for the page."""

LONGEST_S: Final = 8.0
"""How long an answer may take at most: as long as a stop waits for those that are begun."""

_ASSETS: Final = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon-32x32.png": "image/png"}


class _Patient(APIRoute):
    """A route whose answer is waited for so long and no longer; sending it takes what the client takes."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, which gives up in time what it waits for: a database that hangs answers nobody."""
        handler = super().get_route_handler()

        async def patient(request: Request) -> Response:
            return await within(handler(request), LONGEST_S)

        return patient


def build(services: Services, window: Window) -> FastAPI:
    """Return the framework's application with every route that is not hot."""
    app = FastAPI(
        title="headrace",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_url="/openapi.json",
    )
    app.router.route_class = _Patient
    _add_answers(app, services)
    _add_explanations(app, services)
    add_items(app, services)
    add_receipts(app, services)
    add_rules(app, services)
    _add_figures(app, services, window)
    _add_documentation(app)
    _add_refusals(app)
    app.openapi = lambda: document(services.contract.limits)  # type: ignore[method-assign]
    return app


def _add_answers(app: FastAPI, services: Services) -> None:
    @app.get("/recommend")
    async def recommend(request: Request) -> Response:
        asked: Mapping[str, Any] = parse(request.scope["query_string"], question.RECOMMEND_PARAMETERS)
        answer = await services.recommender.recommend(asked["user_id"], None, asked["k"], record=False)
        reason = Reason(answer.strategy, answer.sources)
        return response(json_reply(RecommendAnswer(asked["user_id"], answer.items, reason, answer.model_version)))

    @app.get("/similar")
    async def similar(request: Request) -> Response:
        asked: Mapping[str, Any] = parse(request.scope["query_string"], question.SIMILAR_PARAMETERS)
        return response(reco_reply(await services.recommender.similar(asked["item_id"], asked["k"])))

    @app.get("/trending")
    async def trending(request: Request) -> Response:
        asked: Mapping[str, Any] = parse(request.scope["query_string"], question.TRENDING_PARAMETERS)
        return response(reco_reply(await services.recommender.trending(asked["k"])))

    @app.get("/contract")
    async def contract() -> Response:
        in_force = limits.in_force(services.contract.limits)
        return response(json_reply(ContractAnswer(KpiTargets(), SlaTargets(), in_force)))

    @app.get("/healthz")
    async def healthz() -> Response:
        return response(json_reply(Health()))

    @app.get("/readyz")
    async def readyz() -> Response:
        return response(problem.readiness(services.readiness()))


def _add_explanations(app: FastAPI, services: Services) -> None:
    @app.api_route("/explain", methods=["GET", "POST"])
    async def explain(request: Request) -> Response:
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
        return response(json_reply(why))


def _add_figures(app: FastAPI, services: Services, window: Window) -> None:
    @app.get("/metrics/reco")
    async def reco() -> Response:
        return response(json_reply(window.metrics()))

    @app.get("/metrics/prometheus")
    async def prometheus() -> Response:
        if not services.metrics_shown:
            return response(problem.not_shown("PROMETHEUS_METRICS_ENABLED=false"))
        try:
            workers = await within(services.worker_metrics(), FIGURES_S)
        except Unavailable as error:
            workers = f"# the workers' figures are away: {' '.join(str(error).split())}\n"
        return Response(generate_latest(telemetry.REGISTRY) + workers.encode(), headers={"content-type": CONTENT_TYPE_LATEST})

    @app.get("/analytics/baseline")
    async def baseline(request: Request) -> Response:
        days = parse(request.scope["query_string"], BASELINE_PARAMETERS)["days"]
        return response(json_reply(BaselineAnswer(KpiTargets(), await services.baseline(days))))

    @app.get("/stream/worker")
    async def worker() -> Response:
        return response(json_reply(await services.worker_figures()))


def _add_documentation(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def start() -> Response:
        return RedirectResponse("/docs")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="headrace",
            swagger_js_url="/docs/swagger-ui-bundle.js",
            swagger_css_url="/docs/swagger-ui.css",
            swagger_favicon_url="/docs/favicon-32x32.png",
        )

    @app.get("/docs/{name}", include_in_schema=False)
    async def asset(name: str) -> Response:
        if name not in _ASSETS:
            raise HTTPException(404)
        content = (swagger_ui_bundle.swagger_ui_path / name).read_bytes()
        return Response(content, headers={"content-type": _ASSETS[name], "cache-control": "max-age=86400"})


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(Rejected)
    async def rejected(_request: Request, error: Rejected) -> Response:
        return response(problem.rejection(error))

    @app.exception_handler(Unavailable)
    async def unavailable(_request: Request, error: Unavailable) -> Response:
        return response(problem.unavailable(error))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "").split(", ")
            allowed += ["HEAD"] if "GET" in allowed else []
            return response(problem.wrong_method(request.method, allowed))
        if error.status_code == 404:
            return response(problem.not_found(request.url.path))
        return response(problem.reply(problem.problem(error.status_code, str(error.detail))))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        found = tuple(Violation(".".join(str(part) for part in one["loc"][1:]), one["msg"]) for one in error.errors())
        return response(problem.rejection(Rejected(422, "The request breaks the contract", found)))

    @app.exception_handler(Exception)
    async def bug(_request: Request, _error: Exception) -> Response:
        return response(problem.internal())
