"""The routes of the office's day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bson import ObjectId
from quart import Blueprint

from quartapp import Attempt, DomainError, Operation, Refusal, core, permission
from quartapp_attendance import MarkRefusedError, Schemas, StatusRegistry
from quartapp_auth import People
from quartapp_classes import StudentNotFoundError
from quartapp_office.absences import Absences
from quartapp_office.entries import DayEntries, Wanted
from quartapp_office.errors import (
    EarlyEntryError,
    EntryNotFoundError,
    FarEntryError,
    RollCallEndingError,
    StudentPresentError,
)
from quartapp_office.schemas import (
    AbsencesQuery,
    AbsentAnswer,
    EnterBody,
    EntryAnswer,
    OfficeSchemas,
    StandingQuery,
)
from quartapp_records import CorrectionAnswers, version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quartapp import Document, Principal
    from quartapp_office.absences import AbsentStudent, SeenAbsence
    from quartapp_office.carrying import EnteredSession

DAY = "office:day"
ACCESS = permission(DAY, role="admin")
TAGS = ("office",)
INVALID = Refusal(400, "Invalid request schema")
STUDENT_NOT_FOUND = Refusal(404, "Student not found")
OF_SESSION: dict[type[DomainError], Refusal] = {
    StudentNotFoundError: STUDENT_NOT_FOUND,
    StudentPresentError: Refusal(409, "student is marked present"),
    RollCallEndingError: Refusal(409, "roll call is just ending"),
    MarkRefusedError: Refusal(409, "mark is refused"),
}


def blueprint(statuses: StatusRegistry, schemas: Schemas) -> Blueprint:
    """Return the routes of the office's day.

    Args:
        statuses: Statuses of the app.
        schemas: Models of roll calls with these statuses.
    """
    models = OfficeSchemas(statuses, CorrectionAnswers(statuses, schemas))
    routes = Blueprint("office", __name__, url_prefix="/api/v1/attendance/absences")
    listing = Operation(
        id="listAbsences",
        access=ACCESS,
        tags=TAGS,
        query=AbsencesQuery,
        invalid=INVALID,
        data=list[AbsentAnswer],
        cursor="studentId",
    )
    entering = Operation(
        id="enterAbsences",
        access=ACCESS,
        idempotent=True,
        tags=TAGS,
        body=models.body,
        invalid=INVALID,
        status=201,
        data=models.answer,
        errors={
            StudentNotFoundError: STUDENT_NOT_FOUND,
            EarlyEntryError: Refusal(400, "date is before 1970", field="date"),
            FarEntryError: Refusal(400, "date is more than a year ahead", field="date"),
        },
        fuzz=False,
        why="It marks students in the roll calls of other cases.",
    )
    standing = Operation(
        id="listEnteredAbsences",
        access=ACCESS,
        tags=TAGS,
        query=StandingQuery,
        invalid=INVALID,
        data=list[EntryAnswer],
    )
    withdrawing = Operation(
        id="withdrawEnteredAbsence",
        access=ACCESS,
        tags=TAGS,
        data=EntryAnswer,
        errors={EntryNotFoundError: Refusal(404, "Entry not found")},
    )
    one = "/entered/<entry_id>/students/<student_id>"
    for method, path, view, operation in (
        ("GET", "", list_absences, listing),
        ("POST", "", enter_absences, entering),
        ("GET", "/entered", list_entered_absences, standing),
        ("DELETE", one, withdraw_entered_absence, withdrawing),
    ):
        routes.add_url_rule(path, view.__name__, operation(view), methods=[method])
    return routes


async def list_absences(principal: Principal, query: AbsencesQuery) -> list[dict[str, Any]]:
    """Return who was not simply present on a day, in all classes, by student."""
    after = None if query.after is None else ObjectId(query.after)
    day = query.date or core().local_day()
    found = await core().services.get(Absences).on(day, query.status, query.limit, after)
    return [_absent(one) for one in found]


async def enter_absences(principal: Principal, body: EnterBody, attempt: Attempt) -> dict[str, Any]:
    """Give students a status in all their sessions of a day; each is answered for itself."""
    wanted = Wanted(
        day=body.date,
        student_ids=body.student_ids,
        status=body.status,
        reason=body.reason,
        first=body.first,
        last=body.last,
        seen={(one.session_id.lower(), one.student_id.lower()): one.v for one in body.seen or ()},
    )
    entered = await _entries().enter(principal, wanted, attempt=attempt)
    services = core().services
    answers = CorrectionAnswers(services.get(StatusRegistry), services.get(Schemas))
    return {
        "entry": (await _shown([entered.entry]))[0],
        "results": [_result(one, answers) for one in entered.outcomes],
    }


async def list_entered_absences(principal: Principal, query: StandingQuery) -> list[dict[str, Any]]:
    """Return what the office has entered for a day, in the order in which it was entered."""
    day = query.date or core().local_day()
    return await _shown(await _entries().page(day, query.limit, query.after))


async def withdraw_entered_absence(
    principal: Principal, entry_id: str, student_id: str
) -> dict[str, Any]:
    """Let an entry stand for a student no longer; records that it has changed stay."""
    return (await _shown([await _entries().withdraw(principal, entry_id, student_id)]))[0]


def _absent(one: AbsentStudent) -> dict[str, Any]:
    excuse = one.excuse
    return {
        "studentId": one.student_id,
        "displayName": one.display_name,
        "absences": [_absence(absence) for absence in one.absences],
        "excuse": None if excuse is None else {"_id": excuse.id, "state": excuse.state},
    }


def _absence(absence: SeenAbsence) -> dict[str, Any]:
    session, record = absence.session, absence.record
    last = (record.get("history") or [{}])[-1]
    return {
        "sessionId": session["_id"],
        "classId": session["classId"],
        "className": absence.class_name,
        # The time of a lesson that was entered after the event is not known.
        "startedAt": None if session.get("added") else session["startedAt"],
        "status": record["status"],
        "v": version_of(record),
        "via": record.get("via"),
        "office": bool(record.get("office")),
        "minutesLate": record.get("minutesLate"),
        "note": record.get("note"),
        "reason": last.get("reason"),
    }


def _result(outcome: EnteredSession, answers: CorrectionAnswers) -> dict[str, Any]:
    found = outcome.found
    keys = {"sessionId": outcome.session_id, "classId": outcome.class_id}
    if found is None:
        return {**keys, "studentId": outcome.student_id, "success": True}
    refusal = OF_SESSION.get(type(found)) if isinstance(found, DomainError) else None
    if refusal is None:
        return {**keys, **answers.of(outcome.student_id, found)}
    told = {"error": refusal.message, "code": refusal.stable_code}
    return {**keys, "studentId": outcome.student_id, "success": False, **told}


async def _shown(entries: Sequence[Document]) -> list[dict[str, Any]]:
    people = core().services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
    names = await people.contacts({one for entry in entries for one in entry["students"]})
    return [
        {
            **{name: entry[name] for name in ("_id", "date", "status", "reason", "by", "at")},
            "from": entry.get("from"),
            "to": entry.get("to"),
            "students": [
                {"_id": one, "displayName": names[one].display_name if one in names else None}
                for one in entry["students"]
            ],
            "applying": "pending" in entry,
        }
        for entry in entries
    ]


def _entries() -> DayEntries:
    return core().services.get(DayEntries)
