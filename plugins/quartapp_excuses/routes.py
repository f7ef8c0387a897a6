"""The routes of excuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint
from quart.wrappers import Response

from quartapp import Attempt, Operation, Refusal, core, object_id, permission, timestamp
from quartapp_auth import People
from quartapp_classes import StudentNotFoundError
from quartapp_excuses.access import DECIDE, HAND_IN
from quartapp_excuses.errors import (
    ExcuseDecidedError,
    ExcuseNotFoundError,
    FileTooLargeError,
    FileUnreadableError,
    FromAfterToError,
    NoFileError,
    NotAuthorError,
    TooLongError,
    TooManyExcusesError,
    TypeMismatchError,
)
from quartapp_excuses.files import EXTENSIONS, MOST_BYTES, ExcuseFiles, Upload
from quartapp_excuses.models import ExcuseState
from quartapp_excuses.schemas import (
    AcceptBody,
    ExcuseAnswer,
    ExcuseBody,
    ExcusesQuery,
    RefuseBody,
)
from quartapp_excuses.service import Excuses

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from quartapp import Document, Principal

excuse_routes = Blueprint("excuses", __name__, url_prefix="/api/v1/excuses")

TAGS = ("excuses",)
HANDING_IN = permission(HAND_IN, role="student")
DECIDING = permission(DECIDE, role="teacher")
INVALID = Refusal(400, "Invalid request schema")
NOT_FOUND = Refusal(404, "Excuse not found")
DECIDED = Refusal(409, "excuse is decided", current=ExcuseAnswer)
# The file in base64, and room for the rest.
MOST_BODY = MOST_BYTES * 4 // 3 + 64 * 1024
SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"


@excuse_routes.post("")
@Operation(
    id="handInExcuse",
    access=HANDING_IN,
    idempotent=True,
    tags=TAGS,
    body=ExcuseBody,
    max_body=MOST_BODY,
    invalid=INVALID,
    status=201,
    data=ExcuseAnswer,
    errors={
        StudentNotFoundError: Refusal(404, "Student not found"),
        FromAfterToError: Refusal(400, "from is after to", field="from"),
        TooLongError: Refusal(400, "excuse is longer than a year", field="to"),
        FileTooLargeError: Refusal(400, "file is larger than 5 MiB", field="file"),
        FileUnreadableError: Refusal(400, "file is no PDF, PNG or JPEG", field="file"),
        TypeMismatchError: Refusal(400, "file is of another type than it says", field="file"),
        TooManyExcusesError: Refusal(409, "student has too many open excuses"),
    },
    fuzz=False,
    why="No schema says which bytes are a PDF, or that one day comes after another.",
)
async def hand_in_excuse(
    principal: Principal, body: ExcuseBody, attempt: Attempt
) -> dict[str, Any]:
    """Hand in an excuse for oneself, or for a student."""
    upload = None
    if body.file is not None:
        upload = Upload.checked(body.file.content, body.file.type)
    excuse = await _excuses().hand_in(
        *(principal, body.student_id, body.first, body.last, body.reason, upload), attempt=attempt
    )
    return (await _answers([excuse]))[0]


@excuse_routes.get("")
@Operation(
    id="listExcuses",
    access=HANDING_IN,
    tags=TAGS,
    query=ExcusesQuery,
    invalid=INVALID,
    data=list[ExcuseAnswer],
)
async def list_excuses(principal: Principal, query: ExcusesQuery) -> list[dict[str, Any]]:
    """Return the excuses that the caller may read, in the order of their hand-in."""
    wanted: Document = {}
    if query.state is not None:
        wanted["state"] = query.state
    if query.student_id is not None:
        wanted["studentId"] = object_id(query.student_id)
    if query.date is not None:
        day = query.date.isoformat()
        wanted |= {"from": {"$lte": day}, "to": {"$gte": day}}
    return await _answers(await _excuses().page(principal, wanted, query.limit, query.after))


@excuse_routes.get("/<excuse_id>")
@Operation(
    id="getExcuse",
    access=HANDING_IN,
    tags=TAGS,
    data=ExcuseAnswer,
    errors={ExcuseNotFoundError: NOT_FOUND},
)
async def get_excuse(principal: Principal, excuse_id: str) -> dict[str, Any]:
    """Return an excuse."""
    return (await _answers([await _excuses().get(principal, excuse_id)]))[0]


@excuse_routes.delete("/<excuse_id>")
@Operation(
    id="withdrawExcuse",
    access=HANDING_IN,
    tags=TAGS,
    data=ExcuseAnswer,
    errors={
        ExcuseNotFoundError: NOT_FOUND,
        NotAuthorError: Refusal(403, "Forbidden, not author of the excuse"),
        ExcuseDecidedError: DECIDED,
    },
)
async def withdraw_excuse(principal: Principal, excuse_id: str) -> dict[str, Any]:
    """Delete an open excuse and its file, as its author."""
    return await _changed(_excuses().withdraw(principal, excuse_id))


@excuse_routes.get("/<excuse_id>/file")
@Operation(
    id="getExcuseFile",
    access=HANDING_IN,
    tags=TAGS,
    data=str,
    media_type="application/octet-stream",
    errors={
        ExcuseNotFoundError: NOT_FOUND,
        NoFileError: Refusal(404, "Excuse has no file"),
    },
)
async def get_excuse_file(principal: Principal, excuse_id: str) -> Response:
    """Return the file of an excuse, to be saved and never to be shown by a browser."""
    excuse = await _excuses().get(principal, excuse_id)
    if "file" not in excuse:
        raise NoFileError
    content = await core().services.get(ExcuseFiles).read(excuse["_id"])
    # A name that people choose could say what is not so; and a type would invite to show the file.
    name = f"excuse-{excuse['_id']}.{EXTENSIONS[excuse['file']['type']]}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": SANDBOX,
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, headers=headers, mimetype="application/octet-stream")


@excuse_routes.post("/<excuse_id>/accept")
@Operation(
    id="acceptExcuse",
    access=DECIDING,
    tags=TAGS,
    body=AcceptBody,
    body_required=False,
    invalid=INVALID,
    data=ExcuseAnswer,
    errors={ExcuseNotFoundError: NOT_FOUND, ExcuseDecidedError: DECIDED},
)
async def accept_excuse(principal: Principal, excuse_id: str, body: AcceptBody) -> dict[str, Any]:
    """Accept an open excuse: absences in its days become excused, now and in later roll calls."""
    decided = _excuses().decide(principal, excuse_id, ExcuseState.ACCEPTED, body.word)
    return await _changed(decided)


@excuse_routes.post("/<excuse_id>/refuse")
@Operation(
    id="refuseExcuse",
    access=DECIDING,
    tags=TAGS,
    body=RefuseBody,
    invalid=INVALID,
    data=ExcuseAnswer,
    errors={ExcuseNotFoundError: NOT_FOUND, ExcuseDecidedError: DECIDED},
)
async def refuse_excuse(principal: Principal, excuse_id: str, body: RefuseBody) -> dict[str, Any]:
    """Refuse an open excuse, with a word to the student."""
    decided = _excuses().decide(principal, excuse_id, ExcuseState.REFUSED, body.word)
    return await _changed(decided)


async def _changed(change: Awaitable[Document]) -> dict[str, Any]:
    """Return the answer to a change of an open excuse, also where it is open no longer."""
    try:
        excuse = await change
    except ExcuseDecidedError as error:
        raise ExcuseDecidedError((await _answers([error.current]))[0]) from error
    return (await _answers([excuse]))[0]


async def _answers(excuses: list[Document]) -> list[dict[str, Any]]:
    people = core().services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
    names = await people.contacts({excuse["studentId"] for excuse in excuses})
    return [
        _answer(excuse, names[key].display_name if (key := excuse["studentId"]) in names else None)
        for excuse in excuses
    ]


def _answer(excuse: Document, name: str | None) -> dict[str, Any]:
    at, by = excuse.get("decidedAt"), excuse.get("decidedBy")
    return {
        "_id": excuse["_id"],
        "studentId": excuse["studentId"],
        "studentName": name,
        **{field: excuse[field] for field in ("from", "to", "reason", "state")},
        "handedInAt": timestamp(excuse["handedInAt"]),
        "handedInBy": excuse["handedInBy"],
        "decidedAt": None if at is None else timestamp(at),
        "decidedBy": by,
        "word": excuse.get("word"),
        "file": excuse.get("file"),
        "applying": "pending" in excuse,
        "excused": excuse.get("excused", 0),
        "unchanged": excuse.get("unchanged", []),
    }


def _excuses() -> Excuses:
    return core().services.get(Excuses)
