"""A route for everybody who is signed in."""

from pydantic import Field
from quart import Blueprint

from quartapp import SIGNED_IN, Closed, Operation, hookimpl

blueprint = Blueprint("library", __name__, url_prefix="/api/v1/library")


class Hours(Closed):
    """The opening hours of the library."""

    opens_at: int = Field(alias="opensAt")
    closes_at: int = Field(alias="closesAt")


@blueprint.get("/hours")
@Operation(id="getLibraryHours", access=SIGNED_IN, tags=("library",), data=Hours, database=False)
async def hours(principal):
    """Return the opening hours of the library."""
    return {"opensAt": 8, "closesAt": 18}


class LibraryPlugin:
    """Adds a route."""

    name = "library"

    @hookimpl
    def register_blueprints(self):
        return [blueprint]
