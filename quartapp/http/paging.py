"""Lists in pages: the header ``Link: rel="next"`` (RFC 8288), which names the page that follows.

An operation whose query has ``limit`` and ``after`` answers a list in pages. The framework adds the
header to each such answer, so no view has to know the address of its next page. The header is
exact: a full page may be the last one, so the framework asks the view for the entry behind it.
"""

from __future__ import annotations

import json
import typing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from pydantic import BaseModel

from quartapp.encoding import to_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quart.wrappers import Request

    from quartapp.http.declaration import Declaration

HEADER = "Link"
AFTER, LIMIT = "after", "limit"


def in_pages(operation: Declaration) -> bool:
    """Tell whether an operation answers a list in pages, each of which names the next one."""
    fields = operation.query.model_fields if operation.query is not None else {}
    return operation.cursor is not None and not operation.page and {AFTER, LIMIT} <= fields.keys()


def check_cursor(operation: Declaration) -> None:
    """Refuse an operation in pages whose entries have no member for ``after``.

    Raises:
        TypeError: The model of the entries has no member with the name of the cursor.
    """
    entry = _entry_of(operation.data)
    if not in_pages(operation) or entry is None:
        return
    members = {
        one.serialization_alias or one.alias or name for name, one in entry.model_fields.items()
    }
    if operation.cursor not in members:
        raise TypeError(
            f"operation {operation.id} has pages, and {entry.__name__} no {operation.cursor}:"
            " name the member for after in cursor, or None for a list without addresses of pages"
        )


def _entry_of(data: Any) -> type[BaseModel] | None:  # noqa: ANN401 - a type, also one like list[User]
    """Return the model of the entries of a list; None if the type does not tell."""
    if typing.get_origin(data) is typing.Annotated:
        data = typing.get_args(data)[0]
    inside = typing.get_args(data) if typing.get_origin(data) is list else ()
    is_model = bool(inside) and isinstance(inside[0], type) and issubclass(inside[0], BaseModel)
    return inside[0] if is_model else None


async def next_page(
    operation: Declaration,
    data: object,
    request: Request,
    asked: Callable[[BaseModel], Awaitable[object]],
) -> dict[str, str]:
    """Return the header that names the page behind an answer; empty if there is none.

    Args:
        operation: The operation.
        data: What its view answered.
        request: The request, whose path and query the address of the next page repeats.
        asked: Return what the view answers to another query; None for a list that has ended.

    Raises:
        DomainError: The view refused the query for the entry behind the last one.
    """
    if not in_pages(operation) or not isinstance(data, list) or not data:
        return {}
    limit = request.args.get(LIMIT, operation.page_size, type=int)
    # The view may have pages that are smaller than ``limit``.
    if len(data) < min(limit, operation.page_size):
        return {}
    last = str(json.loads(to_json(data[-1]))[operation.cursor])
    if not await _follows(operation, last, request, asked):
        return {}
    given = [(name, text) for name, text in request.args.items(multi=True) if name != AFTER]
    path = quote(f"{request.root_path}{request.path}")
    return {HEADER: f'<{path}?{urlencode([*given, (AFTER, last)])}>; rel="next"'}


async def _follows(
    operation: Declaration,
    last: str,
    request: Request,
    asked: Callable[[BaseModel], Awaitable[object]],
) -> bool:
    assert operation.query is not None  # noqa: S101 - an operation in pages has a query
    wanted = {**request.args.to_dict(), AFTER: last, LIMIT: "1"}
    return bool(await asked(operation.query.model_validate(wanted, strict=False)))
