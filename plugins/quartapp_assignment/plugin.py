from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import InvalidTokenError, core, hookimpl
from quartapp_assignment.routes import blueprint
from quartapp_auth import UserService

if TYPE_CHECKING:
    from quart import Blueprint, Quart
    from quart.wrappers import Request, Websocket

    from quartapp import Account, Principal


class AssignmentPlugin:
    """The plugin of the API that course assignments and older front ends use."""

    name = "assignment"
    requires = ("auth", "classes", "attendance")

    @hookimpl
    def register_blueprints(self, app: Quart) -> list[Blueprint]:
        """Return the routes at the root path."""
        # A plugin that stands for auth offers no such service: say so now, and not at a sign-in.
        core(app).services.get(UserService)
        return [blueprint]

    @hookimpl
    def token_claims(self, user: Account) -> dict[str, object]:
        """Add ``userId``, the name of ``id`` in this dialect."""
        return {"userId": user.id}

    @hookimpl
    def authenticate(self, connection: Request | Websocket) -> Principal | None:
        """Accept a token in ``Authorization`` without a scheme, on the routes of the dialect only.

        The base routes and the socket still refuse such a token: this plugin must not change them
        for their clients.
        """
        if connection.blueprint != blueprint.name:
            return None
        try:
            return core().tokens.verify(connection.headers.get("Authorization", "").strip())
        except InvalidTokenError:
            # Another plugin may know this kind of token.
            return None
