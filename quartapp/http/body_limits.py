"""How long a body may be: operations may declare a limit of their own (``max_body``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from werkzeug.exceptions import HTTPException

from quartapp.http.browsers.csrf import SAFE_METHODS
from quartapp.http.declaration import MAX_BODY_BYTES
from quartapp.http.operation import operation_of

if TYPE_CHECKING:
    from quart import Quart
    from quart.wrappers import Request

EXTENSION = "quartapp.body_limits"


def note_body_limits(app: Quart) -> None:
    """Note which views have limits of their own.

    Args:
        app: The application under construction, with all its routes.
    """
    declared = {endpoint: operation_of(view) for endpoint, view in app.view_functions.items()}
    app.extensions[EXTENSION] = {
        endpoint: operation.max_body
        for endpoint, operation in declared.items()
        if operation is not None and operation.max_body != MAX_BODY_BYTES
    }


def limit_body(app: Quart, request: Request) -> None:
    """Give ``request``, of which nothing is read yet, the limit of the operation it asks for.

    Quart knows the route only after the body has begun to arrive. Thus the path is looked up before
    that, in apps that need it.
    """
    own = cast("dict[str, int]", app.extensions[EXTENSION])
    if not own or request.method in SAFE_METHODS or request.content_length == 0:
        return
    try:
        rule, _ = app.url_map.bind("localhost").match(
            request.path, request.method, return_rule=True
        )
    except HTTPException:
        return
    if rule.endpoint in own:
        limit = own[rule.endpoint]
        request.body = request.body_class(request.content_length, limit)
        # A view may read a form again, to show what was typed.
        request.max_content_length = request.max_form_memory_size = limit
