"""What a server offers, for clients that show only what there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from quart import Blueprint

from quartapp.http.models import Closed
from quartapp.http.operation import Operation
from quartapp.identity.access import PUBLIC
from quartapp.parts import core
from quartapp.realtime.broadcast import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

capabilities_blueprint = Blueprint("capabilities", __name__, url_prefix="/api/v1")

Value = str | int | bool


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What plugins tell clients.

    Attributes:
        plugins: Names of the plugins, in their order.
        features: What each plugin tells, by the name of the plugin; plugins that tell nothing are
            left out.
    """

    plugins: tuple[str, ...]
    features: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)


class CapabilitiesAnswer(Closed):
    """What the server offers."""

    plugins: list[str]
    frames: list[int]
    features: dict[str, dict[str, Value]]


@capabilities_blueprint.get("/capabilities")
@Operation(
    id="getCapabilities",
    access=PUBLIC,
    tags=("service",),
    data=CapabilitiesAnswer,
    policies=False,
    database=False,
)
async def get_capabilities() -> dict[str, Any]:
    """Return the plugins, the versions of frames, and what plugins tell clients."""
    found = core().services.get(Capabilities)
    return {
        "plugins": list(found.plugins),
        "frames": list(get_args(Version)),
        "features": {owner: dict(told) for owner, told in found.features.items()},
    }
