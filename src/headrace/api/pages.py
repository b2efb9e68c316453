"""The routes that are not hot, on the framework: the second recommendation view, contract, figures, health, documentation."""

from collections.abc import Mapping
from typing import Any, Final

import swagger_ui_bundle
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from headrace import __version__, telemetry
from headrace.api import limits, problem, question
from headrace.api.answers import BaselineAnswer, ContractAnswer, Health, Reason, RecommendAnswer
from headrace.api.hot import reco_reply
from headrace.api.items import add_items
from headrace.api.openapi import document
from headrace.api.query import parse
from headrace.api.reply import Reply, json_reply
from headrace.api.services import Services
from headrace.api.targets import BASELINE_PARAMETERS, KpiTargets, SlaTargets
from headrace.api.window import Window
from headrace.errors import Rejected, Unavailable, Violation

_ASSETS: Final = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon-32x32.png": "image/png"}


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
    _add_answers(app, services)
    add_items(app, services)
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
        return _response(json_reply(RecommendAnswer(asked["user_id"], answer.items, Reason(answer.strategy, answer.sources))))

    @app.get("/similar")
    async def similar(request: Request) -> Response:
        asked: Mapping[str, Any] = parse(request.scope["query_string"], question.SIMILAR_PARAMETERS)
        return _response(reco_reply(await services.recommender.similar(asked["item_id"], asked["k"])))

    @app.get("/trending")
    async def trending(request: Request) -> Response:
        asked: Mapping[str, Any] = parse(request.scope["query_string"], question.TRENDING_PARAMETERS)
        return _response(reco_reply(await services.recommender.trending(asked["k"])))

    @app.get("/contract")
    async def contract() -> Response:
        in_force = limits.in_force(services.contract.limits)
        return _response(json_reply(ContractAnswer(KpiTargets(), SlaTargets(), in_force)))

    @app.get("/healthz")
    async def healthz() -> Response:
        return _response(json_reply(Health()))

    @app.get("/readyz")
    async def readyz() -> Response:
        found = services.readiness()
        if found.status == "unavailable":
            raise Unavailable("the recommender", f"it cannot answer yet; missing: {', '.join(found.missing) or 'a picture'}")
        return _response(json_reply(found))


def _add_figures(app: FastAPI, services: Services, window: Window) -> None:
    @app.get("/metrics/reco")
    async def reco() -> Response:
        return _response(json_reply(window.metrics()))

    @app.get("/metrics/prometheus")
    async def prometheus() -> Response:
        if not services.metrics_shown:
            return _response(problem.not_shown("PROMETHEUS_METRICS_ENABLED=false"))
        try:
            workers = await services.worker_metrics()
        except Unavailable as error:
            workers = f"# the workers' figures are away: {' '.join(str(error).split())}\n"
        return Response(generate_latest(telemetry.REGISTRY) + workers.encode(), headers={"content-type": CONTENT_TYPE_LATEST})

    @app.get("/analytics/baseline")
    async def baseline(request: Request) -> Response:
        days = parse(request.scope["query_string"], BASELINE_PARAMETERS)["days"]
        return _response(json_reply(BaselineAnswer(KpiTargets(), await services.baseline(days))))

    @app.get("/stream/worker")
    async def worker() -> Response:
        return _response(json_reply(await services.worker_figures()))


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
        return _response(problem.rejection(error))

    @app.exception_handler(Unavailable)
    async def unavailable(_request: Request, error: Unavailable) -> Response:
        return _response(problem.unavailable(error))

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "").split(", ")
            allowed += ["HEAD"] if "GET" in allowed else []
            return _response(problem.wrong_method(request.method, allowed))
        if error.status_code == 404:
            return _response(problem.not_found(request.url.path))
        return _response(problem.reply(problem.problem(error.status_code, str(error.detail))))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        found = tuple(Violation(".".join(str(part) for part in one["loc"][1:]), one["msg"]) for one in error.errors())
        return _response(problem.rejection(Rejected(422, "The request breaks the contract", found)))

    @app.exception_handler(Exception)
    async def bug(_request: Request, _error: Exception) -> Response:
        return _response(problem.internal())


def _response(reply: Reply) -> Response:
    response = Response(reply.body, reply.status)
    response.raw_headers.append((b"content-type", reply.content_type))
    response.raw_headers.extend(reply.headers)
    return response
