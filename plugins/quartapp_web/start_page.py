"""The addresses ``/`` and ``/app/``, which lead to the page that a person sees first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quart import Blueprint, request

from quartapp import PUBLIC, SIGNED_IN, DomainError, Operation, PageOperation, Refusal, see_other
from quartapp_web.rendering import home_of

if TYPE_CHECKING:
    from quart import Response

    from quartapp import Principal

blueprint = Blueprint("web_start", __name__)


class NoPageError(DomainError):
    """The client does not want a page."""


@blueprint.get("/")
@Operation(
    id="showRoot",
    access=PUBLIC,
    tags=(),
    data=str,
    media_type="text/html",
    documented=False,
    database=False,
    plain_errors=True,
    redirects=True,
    errors={NoPageError: Refusal(404, "Not Found")},
)
async def show_root() -> Response:
    """Lead browsers to the pages; to all others, there is nothing here."""
    if "text/html" not in request.headers.get("Accept", ""):
        raise NoPageError
    return see_other("/app/")


@blueprint.get("/app/")
@PageOperation(id="showHome", access=SIGNED_IN, redirects=True)
async def show_home(principal: Principal) -> Response:
    """Lead a person to the page that they see first."""
    return see_other(home_of(principal))
