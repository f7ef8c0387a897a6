"""Error bodies for programs: a stable code, the request's id, and the invalid fields.

Older clients read only ``success`` and ``error``; the further members are beside those. Clients
that ask for ``application/problem+json`` get the same facts in the form of RFC 9457.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError
from pydantic_core import core_schema
from structlog.contextvars import get_contextvars

from quartapp.http.answers import ApiError, FieldError, json_response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from quart.wrappers import Request, Response

PROBLEM_TYPE = "application/problem+json"
# A list in a body of 64 KiB can have thousands of invalid entries; a person reads the first few.
MOST_FIELDS = 20
UNFIT = "Value does not fit"

# Types of pydantic's messages that people cannot read, or that may repeat a part of the input, such
# as the character at which a parser stopped.
_UNSPOKEN = frozenset(
    {"json_invalid", "json_type", "string_pattern_mismatch", "union_tag_invalid"}
    | {"url_parsing", "url_syntax_violation", "uuid_parsing", "time_delta_parsing"}
    | {"date_parsing", "datetime_parsing", "time_parsing"}
    | {"date_from_datetime_parsing", "datetime_from_date_parsing"}
)
_OWN_SENTENCES = frozenset({"value_error", "assertion_error"})
_KNOWN = frozenset(get_args(core_schema.ErrorType)) - _OWN_SENTENCES


def code_of(message: str) -> str:
    """Return the default code of a message: the message in kebab-case."""
    return re.sub(r"[^a-z0-9]+", "-", message.lower()).strip("-")


def whole_body(code: str, message: str) -> list[FieldError]:
    """Return the error of a body that cannot be parsed; its field is the empty string.

    Args:
        code: Stable name of the error, in kebab-case.
        message: Message of the error.
    """
    return [FieldError(field="", code=code, message=message)]


def field_errors(error: ValueError) -> list[FieldError]:
    """Return the errors of all invalid fields, without any value from the request.

    Args:
        error: pydantic's error, or another error for a body that is no JSON.
    """
    if not isinstance(error, ValidationError):
        return whole_body("json-invalid", "Body is no JSON")
    details = error.errors(include_url=False, include_context=False)[:MOST_FIELDS]
    return [
        FieldError(
            field=_path(detail["loc"]),
            code=code_of(detail["type"]),
            message=_message(detail["type"], detail["msg"], detail["input"]),
        )
        for detail in details
    ]


def error_response(error: ApiError, request: Request, *, plain: bool) -> Response:
    """Return the answer to send for ``error``.

    Args:
        error: The error that ended the request.
        request: The request, whose header ``Accept`` chooses the form of the answer.
        plain: Whether the contract promises ``success`` and ``error`` alone.
    """
    if plain:
        return error.response()
    facts: dict[str, Any] = {
        "success": False,
        "error": error.message,
        **error.extra,
        "code": error.code or code_of(error.message),
        "requestId": get_contextvars().get("request_id", ""),
    }
    if error.fields:
        facts["errors"] = [field.model_dump() for field in error.fields]
    if not _reads_problems(request):
        return json_response(facts, error.status, error.headers)
    described = {
        # RFC 9457, section 4.2.1: the title of this type is the phrase of the status. `code`
        # identifies the error.
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": int(error.status),
        "detail": error.message,
        "instance": request.path,
    }
    response = json_response({**described, **facts}, error.status, error.headers)
    response.mimetype = PROBLEM_TYPE
    return response


def _reads_problems(request: Request) -> bool:
    header = request.headers.get("Accept", "")
    if PROBLEM_TYPE not in header.lower():
        return False  # a wildcard does not ask for another form
    accepted = request.accept_mimetypes
    return accepted[PROBLEM_TYPE] > 0 and accepted[PROBLEM_TYPE] >= accepted["application/json"]


def _path(location: tuple[int | str, ...]) -> str:
    """Return ``location`` in the syntax of JavaScript: ``people[0].name``."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if path else step
    return path


def _message(kind: str, message: str, given: object) -> str:
    if kind in _UNSPOKEN:
        return UNFIT
    if kind in _KNOWN:
        return message
    # The author of the model may have put the value into the message.
    message = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    told = message.lower()
    return UNFIT if any(text.lower() in told for text in _texts(given)) else message


def _texts(value: object) -> Iterator[str]:
    """Yield every text in ``value``, whole and word by word."""
    if isinstance(value, str):
        yield from filter(None, (value, *re.split(r"\W+", value)))
    elif isinstance(value, dict):
        mapping: Mapping[object, object] = value
        for item in mapping.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)
