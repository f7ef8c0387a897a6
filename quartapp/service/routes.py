"""The routes for operators and tools: health, readiness, metrics and documents."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from quart import Blueprint, current_app, request

from quartapp.errors import DatabaseUnavailableError
from quartapp.http.answers import unavailable
from quartapp.http.authentication import INVALID_TOKEN, unauthorized
from quartapp.http.declaration import Refusal
from quartapp.http.models import Closed
from quartapp.http.operation import Operation
from quartapp.identity.access import PUBLIC
from quartapp.identity.tokens import InvalidTokenError
from quartapp.parts import core
from quartapp.service import pages as docs_pages
from quartapp.service.documents import documents_of
from quartapp.service.metrics_access import may_read_metrics
from quartapp.service.probe import EXTENSION, Probe
from quartapp.telemetry.metrics import MEDIA_TYPE

if TYPE_CHECKING:
    from quart import Quart
    from quart.wrappers import Request, Response

blueprint = Blueprint("service", __name__)
metrics_blueprint = Blueprint("metrics", __name__)
docs_blueprint = Blueprint("docs_pages", __name__)

TAGS = ("service",)
# Probes send no token, and no policy of a plugin may hide the server's health. The contract
# promises probes and tools plain errors with two members.
_OPEN: dict[str, Any] = {
    "access": PUBLIC,
    "tags": TAGS,
    "policies": False,
    "plain_errors": True,
}
# Documents may be large, and change with the server alone.
_DOCUMENT: dict[str, Any] = {
    "data": dict[str, Any],
    "key": None,
    "database": False,
    "etag": True,
}
# Both tell operators why an embedded database is down.
_EXPLAINED: dict[str, Any] = {
    "database": False,
    "errors": {
        DatabaseUnavailableError: Refusal(
            HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable", explained=True
        )
    },
}


class Status(Closed):
    """The state of the server."""

    status: Literal["ok"]


@blueprint.get("/healthz")
@Operation(id="getHealth", **_OPEN, data=Status, **_EXPLAINED)
async def health() -> dict[str, Any]:
    """Tell that the process is up, and can stay so."""
    mongod = core().mongod
    if mongod.is_lost:
        raise unavailable(await mongod.why_down())
    return {"status": "ok"}


@blueprint.get("/readyz")
@Operation(id="getReadiness", **_OPEN, data=Status, **_EXPLAINED)
async def readiness() -> dict[str, Any]:
    """Tell whether the database is reachable and accepts writes."""
    probe: Probe = current_app.extensions[EXTENSION]
    try:
        await probe()
    except DatabaseUnavailableError as error:
        raise unavailable(await core().mongod.why_down()) from error
    return {"status": "ok"}


@metrics_blueprint.get("/metrics")
@Operation(
    id="getMetrics",
    **_OPEN,
    data=str,
    media_type=MEDIA_TYPE,
    errors={InvalidTokenError: Refusal(HTTPStatus.UNAUTHORIZED, INVALID_TOKEN)},
    database=False,
)
async def metrics() -> str:
    """Return the metrics in Prometheus's text format, to this machine or for the token."""
    parts = core()
    if not may_read_metrics(_request(), parts.settings.metrics_token):
        raise unauthorized(INVALID_TOKEN)
    return parts.metrics.text()


@blueprint.get("/openapi.json")
@Operation(id="getOpenapi", **_OPEN, **_DOCUMENT)
async def openapi() -> Response:
    """Return the OpenAPI document of this server, with its plugins."""
    document = await documents_of(_app()).openapi()
    return document.response(_request())


@blueprint.get("/asyncapi.json")
@Operation(id="getAsyncapi", **_OPEN, **_DOCUMENT)
async def asyncapi() -> Response:
    """Return the AsyncAPI document of this server, with its plugins."""
    document = await documents_of(_app()).asyncapi()
    return document.response(_request())


@docs_blueprint.get("/docs")
@Operation(id="getDocs", **_OPEN, data=str, media_type="text/html", database=False)
async def docs() -> Response:
    """Show the HTTP contract in a browser."""
    return await docs_pages.OPENAPI_PAGE.response()


@docs_blueprint.get("/docs/websocket")
@Operation(
    id="getWebsocketDocs",
    **_OPEN,
    data=str,
    media_type="text/html",
    database=False,
)
async def websocket_docs() -> Response:
    """Show the WebSocket contract in a browser."""
    return await docs_pages.ASYNCAPI_PAGE.response()


@docs_blueprint.get("/docs/assets/<name>")
@Operation(
    id="getDocsAsset",
    **_OPEN,
    data=str,
    media_type="text/*",
    database=False,
    documented=False,
)
async def docs_asset(name: str) -> Response:
    """Return a style sheet or script of a docs page."""
    return await docs_pages.asset(name, _request())


def _request() -> Request:
    current: Request = request._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - werkzeug's documented way to a proxied object
    return current


def _app() -> Quart:
    current: Quart = current_app._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - as above
    return current
