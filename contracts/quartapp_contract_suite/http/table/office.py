"""The rows of the office's day, on a day on which no other row has a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from quartapp_contract_suite.http.matching import ID, NUMBER, PERHAPS_NO_TEXT, TEXT, TIME, ListOf
from quartapp_contract_suite.http.scene import MISSED_DAY, Scene
from quartapp_contract_suite.http.table.records import unfit
from quartapp_contract_suite.http.table.rows import Row, error, ok

if TYPE_CHECKING:
    from collections.abc import Callable

    Given = Callable[[Scene], None] | None

Json: TypeAlias = Any  # of a body

BASE = "/api/v1/attendance/absences"
ENTERED = f"{BASE}/entered"
INVALID = error("Invalid request schema")
LAST = "f" * 24
SICK = {
    "date": MISSED_DAY,
    "studentIds": ["<student_id>"],
    "status": "absent",
    "reason": " Called in sick ",
}
ENTRY = {
    "_id": ID,
    "date": MISSED_DAY,
    "from": None,
    "to": None,
    "students": [{"_id": "<student_id>", "displayName": "Grace Hopper"}],
    "status": "absent",
    "reason": "Called in sick",
    "by": "<admin_id>",
    "at": TIME,
    "applying": False,
}
ABSENCE = {
    "sessionId": ID,
    "classId": ID,
    "className": TEXT,
    "startedAt": None,
    "status": "absent",
    "v": NUMBER,
    "via": PERHAPS_NO_TEXT,
    "office": True,
    "minutesLate": None,
    "note": None,
    "reason": PERHAPS_NO_TEXT,
}
BAD: dict[str, dict[str, Json]] = {
    "no day": {"date": "2026-02-30"},
    "no student": {"studentIds": []},
    "student no id": {"studentIds": ["x"]},
    "a student twice": {"studentIds": ["<student_id>", "<student_id>"]},
    "too many students": {"studentIds": [f"{number:024x}" for number in range(101)]},
    "unknown status": {"status": "unheard_of"},
    "no reason": {"reason": " "},
    "a long reason": {"reason": "x" * 501},
    "from no time": {"from": "9:45"},
    "to before from": {"from": "10:00", "to": "09:00"},
    "seen no version": {"seen": [{"sessionId": "<missing>", "studentId": "<student_id>", "v": -1}]},
}


def office_rows() -> list[Row]:
    """Return the rows."""
    return [*_list(), *_enter(), *_entered(), *_withdraw()]


def _row(
    name: str, case: str, method: str, path: str, status: int, body: Json, **more: Json
) -> Row:
    who = more.pop("who", "admin")
    return Row(name, case, method, path, who, status, body, by_admin=True, **more)


def _list() -> list[Row]:
    def row(case: str, query: str, status: int, body: Json, **more: Json) -> Row:
        return _row("listAbsences", case, "GET", f"{BASE}?{query}", status, body, **more)

    found = {
        "studentId": ID,
        "displayName": PERHAPS_NO_TEXT,
        "absences": ListOf(ABSENCE),
        "excuse": None,
    }
    day = f"date={MISSED_DAY}"
    return [
        row("a day", day, 200, ok(ListOf(found)), given=Scene.enter_absence),
        row("of one status", f"{day}&status=present", 200, ok([]), given=Scene.enter_absence),
        row("a day without sessions", "date=1999-01-09", 200, ok([])),
        row("today, behind the last", f"after={LAST}", 200, ok([])),
        row("as a teacher", day, 403, error("Forbidden, admin access required"), who="teacher"),
        row("date no day", "date=2026-02-30", 400, INVALID),
        row("status no code", "status=Absent", 400, INVALID),
        row("limit 0", "limit=0", 400, INVALID),
        row("after no id", "after=x", 400, INVALID),
    ]


def _enter() -> list[Row]:
    def row(case: str, status: int, body: Json, sent: Json, **more: Json) -> Row:
        return _row("enterAbsences", case, "POST", BASE, status, body, json=sent, **more)

    far = unfit("date is more than a year ahead", "date")
    quiet = {**SICK, "date": "1999-01-09"}
    entry = {**ENTRY, "date": "1999-01-09"}
    return [
        row("no session", 201, ok({"entry": entry, "results": []}), quiet),
        row(
            "a part of a day",
            201,
            ok({"entry": {**entry, "from": "09:00", "to": "12:00"}, "results": []}),
            {**quiet, "from": "09:00", "to": "12:00"},
        ),
        row("unknown student", 404, error("Student not found"), {**quiet, "studentIds": [LAST]}),
        row(
            "as a teacher",
            403,
            error("Forbidden, admin access required"),
            quiet,
            who="teacher",
        ),
        row("long ago", 400, unfit("date is before 1970", "date"), {**SICK, "date": "1969-12-31"}),
        row("far ahead", 400, far, {**SICK, "date": "2999-12-31"}),
        *(row(case, 400, INVALID, {**SICK, **fields}) for case, fields in BAD.items()),
        row("nothing", 400, INVALID, {}),
    ]


def _entered() -> list[Row]:
    def row(case: str, query: str, status: int, body: Json, **more: Json) -> Row:
        return _row("listEnteredAbsences", case, "GET", f"{ENTERED}?{query}", status, body, **more)

    day = f"date={MISSED_DAY}"
    # Rows of other runs on the same server have entered something, too.
    found = {**ENTRY, "by": ID, "students": ListOf({"_id": ID, "displayName": PERHAPS_NO_TEXT})}
    return [
        row("a day", day, 200, ok(ListOf(found)), given=Scene.enter_absence),
        row("behind the last", f"{day}&after={LAST}", 200, ok([])),
        row("as a teacher", day, 403, error("Forbidden, admin access required"), who="teacher"),
        row("date no day", "date=", 400, INVALID),
        row("limit 0", "limit=0", 400, INVALID),
    ]


def _withdraw() -> list[Row]:
    def row(case: str, path: str, status: int, body: Json, given: Given = None) -> Row:
        path = f"{ENTERED}/{path}"
        return _row("withdrawEnteredAbsence", case, "DELETE", path, status, body, given=given)

    unknown = error("Entry not found")
    left = {**ENTRY, "_id": "<entry_id>", "students": []}
    entered = Scene.enter_absence
    return [
        row("of a student", "<entry_id>/students/<student_id>", 200, ok(left), entered),
        row("of another student", "<entry_id>/students/<missing>", 404, unknown, entered),
        row("unknown", "<missing>/students/<student_id>", 404, unknown),
        row("no id", "x/students/y", 404, unknown),
    ]
