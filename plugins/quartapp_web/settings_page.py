"""The administrator's page about the settings in force. Nothing is changed here."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from pydantic import BaseModel
from quart import Blueprint

from quartapp import PageOperation, SettingsInForce, core, permission
from quartapp_web.own_sections import MANAGING_CLASSES
from quartapp_web.rendering import Pages, page_for
from quartapp_web.texts import _

if TYPE_CHECKING:
    from quart import Response

    from quartapp import Principal

blueprint = Blueprint("web_settings", __name__, url_prefix="/app/office/settings")

ACCESS = permission(MANAGING_CLASSES, role="admin")
DEFAULT = "default"
ORIGINS = {
    DEFAULT: _("default"),
    "environment": _("environment"),
    "command line": _("command line, or made by the server"),
}


class SettingsQuery(BaseModel):
    """The choice of settings: those that somebody has set, unless all are asked for."""

    all: str = ""


@blueprint.get("")
@PageOperation(id="showSettings", access=ACCESS, query=SettingsQuery)
async def show_settings(principal: Principal, query: SettingsQuery) -> Response:
    """Show the settings of quartapp and of its plugins, each with the place it comes from."""
    services = core().services
    pages = services.get(Pages)
    shown = [one for one in services.get(SettingsInForce).all if query.all or one.origin != DEFAULT]
    owners = [
        (
            owner or "quartapp",
            [
                {
                    "name": one.name,
                    "value": one.value,
                    "origin": pages.translated(ORIGINS.get(one.origin, one.origin)),
                    "description": one.description,
                }
                for one in settings
            ],
        )
        for owner, settings in groupby(shown, key=lambda one: one.owner)
    ]
    return await page_for(principal, "settings.html", owners=owners, all=bool(query.all))
