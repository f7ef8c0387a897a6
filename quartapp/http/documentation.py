"""What quart-schema is told of an operation, so that the OpenAPI document says what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, create_model
from quart_schema import (
    document_querystring,
    document_request,
    document_response,
    hide,
    operation_id,
    security_scheme,
    tag,
)

from quartapp.http.error_models import error_model, plain_error_model
from quartapp.http.models import Closed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart.wrappers import Response

    from quartapp.http.operation import Operation
    from quartapp.http.refusals import Refusal

SECURITY_SCHEME = "bearer"


class NotModified(BaseModel):
    """No body at all; the document's builder takes nothing but models."""


def documented(
    operation: Operation, view: Callable[..., Awaitable[Response]]
) -> Callable[..., Awaitable[Response]]:
    """Return ``view``, with what ``operation`` declares noted for the OpenAPI document."""
    if not operation.documented:
        return hide(view)
    operation_id(operation.id)(view)
    tag(operation.tags)(view)
    security_scheme([{SECURITY_SCHEME: []}] if operation.access.signed_in else [])(view)
    if operation.body is not None:
        document_request(operation.body)(view)
    if operation.query is not None:
        document_querystring(operation.query)(view)
    document_response(_envelope(operation), int(operation.status))(view)
    if operation.etag:
        document_response(NotModified, 304)(view)
    for status, refusals in operation.refusals().items():
        document_response(_error_model(operation, status, refusals), status)(view)
    return view


def _error_model(operation: Operation, status: int, refusals: list[Refusal]) -> Any:  # noqa: ANN401 - a type
    if operation.plain_errors:
        return plain_error_model(operation.id, status, refusals)
    names_fields = operation.invalid is not None and status == operation.invalid.status
    return error_model(operation.id, status, refusals, names_fields=names_fields)


def _envelope(operation: Operation) -> Any:  # noqa: ANN401 - a type
    if operation.key is None:
        return operation.data
    fields: dict[str, Any] = {"success": (Literal[True], ...), operation.key: (operation.data, ...)}
    return create_model(f"{operation.id}Answer", __base__=Closed, **fields)
