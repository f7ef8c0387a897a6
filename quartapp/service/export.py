"""Everything that the server keeps of a person, for that person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp.http.fields import ObjectIdString, Timestamp
from quartapp.http.models import Closed
from quartapp.http.operation import Operation
from quartapp.identity.access import SIGNED_IN
from quartapp.parts import core

if TYPE_CHECKING:
    from quartapp.identity.principal import Principal

export_blueprint = Blueprint("export", __name__, url_prefix="/api/v1/me")

OWN_NAME = "quartapp"
# Entries of the audit; somebody who does much every day has more in a year than anybody reads.
MOST_ENTRIES = 1000


class ExportAnswer(Closed):
    """What is kept of a person, by the name of the plugin that keeps it."""

    id: ObjectIdString
    at: Timestamp
    kept: dict[str, dict[str, Any]]


@export_blueprint.get("/export")
@Operation(id="exportMyData", access=SIGNED_IN, tags=("service",), data=ExportAnswer)
async def export_my_data(principal: Principal) -> dict[str, Any]:
    """Return everything that is kept of the caller."""
    parts = core()
    kept = await parts.plugins.personal_data(principal.id)
    entries = await parts.audit.newest(MOST_ENTRIES, who=principal.id)
    kept[OWN_NAME] = {"audit": entries}
    return {"id": principal.id, "at": parts.clock.now(), "kept": kept}
