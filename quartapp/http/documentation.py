"""The description of an operation for quart-schema, which makes the OpenAPI document of it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, create_model
from quart_schema import (
    DataSource,
    document_querystring,
    document_request,
    document_response,
    hide,
    operation_id,
    security_scheme,
    tag,
)

from quartapp.http.declaration import Refusal
from quartapp.http.error_models import error_model, plain_error_model
from quartapp.http.forms import UNFIT_STATUS
from quartapp.http.models import Closed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart.wrappers import Response

    from quartapp.hooks.plugins import Plugins
    from quartapp.http.declaration import Declaration

ERRORS = "__quartapp_errors__"
SECURITY_SCHEME = "bearer"


class NotModified(BaseModel):
    """An answer without a body; quart-schema accepts only models."""


class SeeOther(BaseModel):
    """A redirect of the browser to another path."""


class FormAgain(BaseModel):
    """The page with the invalid form, to be corrected."""


class ErrorPage(BaseModel):
    """A page with an error message."""


def documented(
    operation: Declaration, view: Callable[..., Awaitable[Response]]
) -> Callable[..., Awaitable[Response]]:
    """Note a declaration at its view, for the OpenAPI document.

    Args:
        operation: Declaration of the operation.
        view: View of the operation.

    Returns:
        The view.
    """
    if not operation.documented:
        return hide(view)
    operation_id(operation.id)(view)
    tag(operation.tags)(view)
    security_scheme([{SECURITY_SCHEME: []}] if operation.access.signed_in else [])(view)
    if operation.body is not None:
        document_request(operation.body)(view)
    if operation.form is not None:
        document_request(operation.form, source=DataSource.FORM)(view)
    if operation.query is not None:
        document_querystring(operation.query)(view)
    document_response(_envelope(operation), int(operation.status))(view)
    if operation.etag:
        document_response(NotModified, HTTPStatus.NOT_MODIFIED)(view)
    if operation.redirects:
        document_response(SeeOther, HTTPStatus.SEE_OTHER)(view)
    if operation.form is not None and operation.invalid is None:
        document_response(FormAgain, UNFIT_STATUS)(view)
    models = {
        int(status): _error_model(operation, status, refusals)
        for status, refusals in operation.refusals().items()
    }
    setattr(view, ERRORS, models)
    for status, model in models.items():
        document_response(model, status)(view)
    return view


def models_with_messages(operation: Declaration, plugins: Plugins) -> dict[int, Any]:
    """Return models of the answers that can have messages of plugins, by status.

    Args:
        operation: Declaration of the operation.
        plugins: The plugins of the app, with the ``messages`` that they declare.
    """
    asked = {"authorize": int(HTTPStatus.FORBIDDEN)} if operation.policies else {}
    found = operation.refusals()
    changed = set()
    for hook, status in {**asked, **operation.refused_by}.items():
        for owner, _ in plugins.dispatcher.implementations(hook):
            for message in owner.messages:
                changed.add(status)
                refusals = found.setdefault(status, [])
                if all(refusal.message != message for refusal in refusals):
                    refusals.append(Refusal(status, message))
    return {status: _error_model(operation, status, found[status]) for status in sorted(changed)}


def _error_model(operation: Declaration, status: int, refusals: list[Refusal]) -> Any:  # noqa: ANN401 - a type
    if operation.page:
        return ErrorPage
    if operation.plain_errors:
        return plain_error_model(operation.id, status, tuple(refusals))
    names_fields = (operation.invalid is not None and status == operation.invalid.status) or any(
        refusal.field for refusal in refusals
    )
    return error_model(operation.id, status, tuple(refusals), names_fields=names_fields)


def _envelope(operation: Declaration) -> Any:  # noqa: ANN401 - a type
    if operation.key is None:
        return operation.data
    fields: dict[str, Any] = {"success": (Literal[True], ...), operation.key: (operation.data, ...)}
    return create_model(f"{operation.id}Answer", __base__=Closed, **fields)
