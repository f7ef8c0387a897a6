"""What browsers keep for the time without a connection: the worker that does, and its page."""

from __future__ import annotations

from pathlib import Path

from quart import Blueprint, Response

from quartapp import PUBLIC, Operation, PageOperation, core
from quartapp_web.rendering import Pages

blueprint = Blueprint("web_offline", __name__, url_prefix="/app")

WORKER = Path(__file__).parent / "worker.js"


@blueprint.get("/worker.js")
@Operation(
    id="getPagesWorker",
    access=PUBLIC,
    tags=(),
    data=str,
    media_type="text/javascript",
    documented=False,
    database=False,
    policies=False,
)
async def worker() -> Response:
    """Return the service worker, at an address below which all pages are."""
    response = Response(WORKER.read_text(encoding="utf-8"), mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/offline")
@PageOperation(id="showOffline", access=PUBLIC, database=False, policies=False)
async def show_offline() -> Response:
    """Show the page that the worker keeps for pages that it cannot show."""
    return core().services.get(Pages).page("offline.html")
