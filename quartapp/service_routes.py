"""What operators and tools ask: is it up, is it ready, what does it offer."""

from __future__ import annotations

from typing import Any, Literal

from quart import Blueprint, current_app

from quartapp.contract import openapi_document
from quartapp.core import core
from quartapp.operations import Closed, Operation
from quartapp.security import PUBLIC

blueprint = Blueprint("service", __name__)

TAGS = ("service",)


class Status(Closed):
    """How the server is."""

    status: Literal["ok"]


@blueprint.get("/healthz")
@Operation(id="getHealth", access=PUBLIC, tags=TAGS, data=Status, database=False)
async def health() -> dict[str, Any]:
    """The process is up."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@Operation(id="getReadiness", access=PUBLIC, tags=TAGS, data=Status)
async def readiness() -> dict[str, Any]:
    """The database is reachable and takes writes."""
    await core().database.check_writable()
    return {"status": "ok"}


@blueprint.get("/openapi.json")
@Operation(id="getOpenapi", access=PUBLIC, tags=TAGS, data=dict[str, Any], key=None, database=False)
async def openapi() -> dict[str, Any]:
    """What this server offers over HTTP, plugins included."""
    return openapi_document(current_app)
