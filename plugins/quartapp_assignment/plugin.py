from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import InvalidTokenError, core, hookimpl
from quartapp_assignment.routes import blueprint

if TYPE_CHECKING:
    from quart import Blueprint
    from quart.wrappers import Request, Websocket

    from quartapp import Account, Principal


class AssignmentPlugin:
    """The API as course assignments and older front ends speak it."""

    name = "assignment"
    requires = ("auth", "classes", "attendance")

    @hookimpl
    def register_blueprints(self) -> list[Blueprint]:
        """The routes at the root."""
        return [blueprint]

    @hookimpl
    def token_claims(self, user: Account) -> dict[str, object]:
        """``userId``, which is what ``id`` is called in this dialect."""
        return {"userId": user.id}

    @hookimpl
    def authenticate(self, connection: Request | Websocket) -> Principal | None:
        """Whose token stands in ``Authorization`` without a scheme, on the routes of the dialect.

        The base routes and the socket go on refusing it: their clients must not notice us.
        """
        if connection.blueprint != blueprint.name:
            return None
        try:
            return core().tokens.verify(connection.headers.get("Authorization", "").strip())
        except InvalidTokenError:
            # Another plugin may know what it is.
            return None
