"""What operators and tools ask: is it up, is it ready, what does it offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from quart import Blueprint, current_app

from quartapp.contract import openapi_document
from quartapp.contract.asyncapi.document import asyncapi_document
from quartapp.http.models import Closed
from quartapp.http.operation import Operation
from quartapp.identity.access import PUBLIC
from quartapp.parts import core
from quartapp.service import pages as docs_pages
from quartapp.telemetry.metrics import MEDIA_TYPE

if TYPE_CHECKING:
    from quart.wrappers import Response

blueprint = Blueprint("service", __name__)
metrics_blueprint = Blueprint("metrics", __name__)

TAGS = ("service",)
# Whoever watches the server is asked nothing, and no policy of a plugin hides its health. Probes
# and tools were promised two members of errors here, and no more.
_OPEN: dict[str, Any] = {
    "access": PUBLIC,
    "tags": TAGS,
    "policies": False,
    "plain_errors": True,
}


class Status(Closed):
    """How the server is."""

    status: Literal["ok"]


@blueprint.get("/healthz")
@Operation(id="getHealth", **_OPEN, data=Status, database=False)
async def health() -> dict[str, Any]:
    """The process is up."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@Operation(id="getReadiness", **_OPEN, data=Status)
async def readiness() -> dict[str, Any]:
    """The database is reachable and takes writes."""
    await core().database.check_writable()
    return {"status": "ok"}


@metrics_blueprint.get("/metrics")
@Operation(id="getMetrics", **_OPEN, data=str, media_type=MEDIA_TYPE, database=False)
async def metrics() -> str:
    """What the server counts and measures, for Prometheus."""
    return core().metrics.text()


@blueprint.get("/openapi.json")
@Operation(id="getOpenapi", **_OPEN, data=dict[str, Any], key=None, database=False)
async def openapi() -> dict[str, Any]:
    """What this server offers over HTTP, plugins included."""
    return openapi_document(current_app)


@blueprint.get("/asyncapi.json")
@Operation(id="getAsyncapi", **_OPEN, data=dict[str, Any], key=None, database=False)
async def asyncapi() -> dict[str, Any]:
    """What this server offers over the WebSocket, plugins included."""
    return asyncapi_document(current_app)


@blueprint.get("/docs")
@Operation(id="getDocs", **_OPEN, data=str, media_type="text/html", database=False)
async def docs() -> Response:
    """The HTTP contract, to read in a browser."""
    return await docs_pages.OPENAPI_PAGE.response()


@blueprint.get("/docs/websocket")
@Operation(
    id="getWebsocketDocs",
    **_OPEN,
    data=str,
    media_type="text/html",
    database=False,
)
async def websocket_docs() -> Response:
    """The WebSocket contract, to read in a browser."""
    return await docs_pages.ASYNCAPI_PAGE.response()


@blueprint.get("/docs/assets/<name>")
@Operation(
    id="getDocsAsset",
    **_OPEN,
    data=str,
    media_type="text/*",
    database=False,
    documented=False,
)
async def docs_asset(name: str) -> Response:
    """A style sheet or script of a docs page."""
    return await docs_pages.asset(name)
