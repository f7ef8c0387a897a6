from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Blueprint

from quartapp import (
    SIGNED_IN,
    Attempt,
    DomainError,
    Operation,
    Refusal,
    Versioned,
    core,
    object_id,
    permission,
)
from quartapp_attendance import Schemas, StatusRegistry
from quartapp_classes import ClassNotFoundError, ClassService, NotOwnerError, Rolls
from quartapp_records.access import READ, WRITE, Access
from quartapp_records.answers import Answers, record_answer, unmarked_answer
from quartapp_records.correction_answers import (
    NOT_ENROLLED,
    OF_DAY,
    CorrectionAnswers,
    of_correction,
    shown,
)
from quartapp_records.corrections import Correction, Corrections
from quartapp_records.days import checked_range
from quartapp_records.errors import (
    EarlyDateError,
    FromAfterToError,
    FutureDateError,
    LongRangeError,
    NothingToFinishError,
    NotOnSessionRollError,
    RecordChangedError,
    RollUnknownError,
    SessionLiveError,
    SessionNotFoundError,
    StatusNotAllowedError,
)
from quartapp_records.later import LaterSessions, Noted
from quartapp_records.register_routes import get_register
from quartapp_records.schemas import (
    CorrectionBody,
    CorrectionsBody,
    DaysQuery,
    HistoryQuery,
    RecordSchemas,
    SessionBody,
    SessionsQuery,
    record_schemas,
)
from quartapp_records.sessions import SessionRecords, version_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bson import ObjectId

    from quartapp import Document, Principal

    Expected = frozenset[str] | None
    Refusals = dict[type[DomainError], Refusal | tuple[Refusal, ...]]

TAGS = ("records",)
READING = permission(READ, role="teacher")
WRITING = permission(WRITE, role="teacher")
INVALID = Refusal(400, "Invalid request schema")
NO_SESSION = Refusal(404, "Session not found")
NOT_TEACHER = Refusal(403, "Forbidden, not class teacher")
CLASS_NOT_FOUND = Refusal(404, "Class not found")

OF_CLASS: Refusals = {ClassNotFoundError: CLASS_NOT_FOUND, NotOwnerError: NOT_TEACHER}
OF_SESSION: Refusals = {
    SessionNotFoundError: NO_SESSION,
    # The class was deleted, and its sessions with it.
    ClassNotFoundError: NO_SESSION,
    NotOwnerError: NOT_TEACHER,
    SessionLiveError: Refusal(409, "attendance session is active"),
}
OF_DATE: Refusals = {
    FutureDateError: Refusal(400, "date is in the future", field="date"),
    EarlyDateError: Refusal(400, "date is before 1970", field="date"),
}


def blueprint(statuses: StatusRegistry, schemas: Schemas) -> Blueprint:
    """Return the routes of sessions and records.

    Args:
        statuses: Statuses of the app.
        schemas: Models of roll calls with these statuses.
    """
    models = record_schemas(statuses, schemas)
    routes = Blueprint("records", __name__, url_prefix="/api/v1")
    for method, path, view, operation in (
        *_of_classes(models),
        *_of_sessions(models),
        *_of_records(models),
    ):
        routes.add_url_rule(path, view.__name__, operation(view), methods=[method])
    return routes


View = tuple[str, str, "Callable[..., Any]", Operation]


def _of_classes(models: RecordSchemas) -> list[View]:
    listing = Operation(
        id="listSessions",
        access=READING,
        tags=TAGS,
        query=SessionsQuery,
        invalid=INVALID,
        data=list[models.session],  # type: ignore[name-defined] # made of what is found
        errors={**OF_CLASS, **OF_RANGE},
    )
    adding = Operation(
        id="addSession",
        access=WRITING,
        idempotent=True,
        tags=TAGS,
        body=models.session_body,
        invalid=INVALID,
        status=201,
        data=models.session_with_records,
        errors={
            **OF_CLASS,
            **OF_DATE,
            **OF_DAY,
            StatusNotAllowedError: Refusal(403, "Forbidden, status is set by others"),
            NotOnSessionRollError: NOT_ENROLLED,
        },
    )
    register = Operation(
        id="getRegister",
        access=READING,
        tags=TAGS,
        query=DaysQuery,
        invalid=INVALID,
        data=models.register,
        errors={**OF_CLASS, **OF_RANGE, LongRangeError: TOO_LONG},
    )
    return [
        ("GET", "/class/<class_id>/register", get_register, register),
        ("GET", "/class/<class_id>/sessions", list_sessions, listing),
        ("POST", "/class/<class_id>/sessions", add_session, adding),
    ]


TOO_LONG = Refusal(400, "range is longer than two years", field="from")
OF_RANGE: Refusals = {FromAfterToError: Refusal(400, "from is after to", field="from")}


def _of_sessions(models: RecordSchemas) -> list[View]:
    reading = Operation(
        id="getEndedSession",
        access=SIGNED_IN,
        tags=TAGS,
        data=models.session_with_records,
        errors=OF_SESSION,
    )
    finishing = Operation(
        id="finishSession",
        access=WRITING,
        tags=TAGS,
        data=models.session_with_records,
        errors={
            **OF_SESSION,
            **OF_DAY,
            NothingToFinishError: Refusal(409, "session has nothing to finish"),
            RollUnknownError: Refusal(409, "roll of the session is unknown"),
            SessionLiveError: Refusal(409, "attendance session is active"),
        },
    )
    return [
        ("GET", "/session/<session_id>", get_ended_session, reading),
        ("POST", "/session/<session_id>/finish", finish_session, finishing),
    ]


def _of_records(models: RecordSchemas) -> list[View]:
    one, path = of_correction(models), "/session/<session_id>/attendance"
    reading = Operation(
        id="getRecord",
        etag=True,
        access=SIGNED_IN,
        tags=TAGS,
        data=models.record,
        errors={**OF_SESSION, NotOnSessionRollError: NOT_ENROLLED},
    )
    correcting = Operation(
        id="correctRecord",
        if_match=True,
        access=WRITING,
        tags=TAGS,
        body=models.correction_body,
        invalid=INVALID,
        data=models.record,
        errors={**OF_SESSION, **one},
    )
    correcting_many = Operation(
        id="correctRecords",
        access=WRITING,
        tags=TAGS,
        body=models.corrections_body,
        invalid=INVALID,
        data=list[models.result],  # type: ignore[name-defined] # made of what is found
        errors=OF_SESSION,
    )
    looking_back = Operation(
        id="getRecordHistory",
        access=READING,
        tags=TAGS,
        query=HistoryQuery,
        invalid=INVALID,
        cursor="v",
        data=list[models.entry],  # type: ignore[name-defined] # made of what is found
        errors={**OF_SESSION, NotOnSessionRollError: NOT_ENROLLED},
    )
    return [
        ("PATCH", path, correct_records, correcting_many),
        ("GET", f"{path}/<student_id>", get_record, reading),
        ("PATCH", f"{path}/<student_id>", correct_record, correcting),
        ("GET", f"{path}/<student_id>/history", get_record_history, looking_back),
    ]


async def list_sessions(
    principal: Principal, class_id: str, query: SessionsQuery
) -> list[dict[str, Any]]:
    """Return ended sessions of a class, in the order of their dates, or the newest first."""
    class_room = await _access().class_for(class_id, principal, READ)
    first, last = checked_range(query.first, query.last)
    found = await _sessions().page(
        class_room.id, first, last, query.limit, query.after, newest_first=query.sort == "-date"
    )
    return await _answers().listed(found)


async def add_session(
    principal: Principal, class_id: str, body: SessionBody, attempt: Attempt
) -> dict[str, Any]:
    """Enter a roll call after the event, or a lesson that was cancelled."""
    later = core().services.get(LaterSessions)
    if body.cancelled:
        session = await later.cancel(
            class_id, body.date, body.reason or "", principal, attempt=attempt
        )
    else:
        noted = [Noted(one.student_id, one.status, one.note) for one in body.records]
        session = await later.add(
            class_id, body.date, noted, principal, note=body.note, attempt=attempt
        )
    return await _with_records(session)


async def get_ended_session(principal: Principal, session_id: str) -> dict[str, Any]:
    """Return an ended session with its records; to a student, with their own record."""
    session, student = await _readable(principal, session_id)
    return await _with_records(session, student)


async def finish_session(principal: Principal, session_id: str) -> dict[str, Any]:
    """Give records to the unmarked of a session that ended without DONE."""
    return await _with_records(
        await core().services.get(LaterSessions).finish(session_id, principal)
    )


async def get_record(principal: Principal, session_id: str, student_id: str) -> Versioned:
    """Return one record, with the entity tag for its correction."""
    session, own = await _readable(principal, session_id)
    student = object_id(student_id)
    if student is None or own not in (None, student):
        raise NotOnSessionRollError
    record = await _sessions().record(session["_id"], student)
    if record is None and student not in session.get("roll", ()):
        raise NotOnSessionRollError
    answer = unmarked_answer(student) if record is None else record_answer(record)
    return Versioned(answer, str(version_of(record)))


async def correct_record(
    principal: Principal,
    session_id: str,
    student_id: str,
    body: CorrectionBody,
    expected: Expected,
) -> dict[str, Any]:
    """Correct one record."""
    corrections = core().services.get(Corrections)
    try:
        changed = await corrections.correct(
            session_id, _correction(student_id, body), principal, expected
        )
    except RecordChangedError as error:
        raise RecordChangedError(shown(error.current)) from error
    return record_answer(changed)


async def correct_records(
    principal: Principal, session_id: str, body: CorrectionsBody
) -> list[dict[str, Any]]:
    """Correct several records; each is answered for itself."""
    corrections = core().services.get(Corrections)
    session, author = await corrections.opened(session_id, principal)
    answers = CorrectionAnswers(core().services.get(StatusRegistry), core().services.get(Schemas))
    found = await corrections.apply_each(
        session, [_correction(one.student_id, one) for one in body.records], author
    )
    return [
        answers.of(one.student_id, answer) for one, answer in zip(body.records, found, strict=True)
    ]


async def get_record_history(
    principal: Principal, session_id: str, student_id: str, query: HistoryQuery
) -> list[dict[str, Any]]:
    """Return who changed a record, when and why; the original comes first."""
    session = await _sessions().get(session_id)
    await _access().class_for(str(session["classId"]), principal, READ)
    student = object_id(student_id)
    record = None
    if student is not None:
        record = await _sessions().record(session["_id"], student, history=True)
    if record is None:
        if student is not None and student in session.get("roll", ()):
            return []
        raise NotOnSessionRollError
    return await _answers().history(record, query.limit, query.after)


async def _readable(principal: Principal, session_id: str) -> tuple[Document, ObjectId | None]:
    """Return a session, and the student whose record alone the principal may see; None for all."""
    session = await _sessions().get(session_id)
    class_id = str(session["classId"])
    if _access().reads_classes(principal):
        await _access().class_for(class_id, principal, READ)
        return session, None
    own = object_id(principal.id)
    if own is None:
        raise SessionNotFoundError
    on_roll = own in session.get("roll", ()) or (
        await core().services.get(Rolls).has(session["classId"], principal.id)
    )
    if not on_roll and await _sessions().record(session["_id"], own) is None:
        raise SessionNotFoundError
    return session, own


async def _with_records(session: Document, student: ObjectId | None = None) -> dict[str, Any]:
    class_room = await core().services.get(ClassService).get(str(session["classId"]))
    return await _answers().with_records(session, class_room.class_name, student)


def _correction(student_id: str, body: CorrectionBody) -> Correction:
    return Correction(
        student_id=student_id,
        status=body.status,
        v=body.v,
        reason=body.reason,
        fields=body.fields,
    )


def _access() -> Access:
    return core().services.get(Access)


def _sessions() -> SessionRecords:
    return core().services.get(SessionRecords)


def _answers() -> Answers:
    return core().services.get(Answers)
