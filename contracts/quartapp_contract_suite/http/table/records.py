"""The rows for ended sessions and their records."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.http.matching import ID, TIME, Like
from quartapp_contract_suite.http.scene import Scene
from quartapp_contract_suite.http.table.classes import owned
from quartapp_contract_suite.http.table.rows import Row, error, ok

if TYPE_CHECKING:
    from collections.abc import Callable

    Given = Callable[[Scene], None] | None

SESSIONS = "/api/v1/class/<class>/sessions"
SESSION = "/api/v1/session/<session>"
RECORDS = f"{SESSION}/attendance"
RECORD = f"{RECORDS}/<student_id>"
LOCK = "/api/v1/admin/record-lock"
INVALID = error("Invalid request schema")
NO_SESSION = error("Session not found")
NOT_ENROLLED = error("Student not enrolled in class")
NOT_TEACHER = error("Forbidden, not class teacher")
ADA = {"_id": "<teacher_id>", "displayName": "Ada Lovelace"}


def record_rows() -> list[Row]:
    """Return the rows."""
    return [
        *_list(),
        *_register(),
        *_report(),
        *_warnings(),
        *_add(),
        *_read(),
        *_finish(),
        *_record(),
        *_correct(),
        *_correct_many(),
        *_history(),
        *_lock(),
    ]


def unfit(message: str, field: str) -> dict[str, Any]:
    """Return the body of an error that one field has caused."""
    refused = error(message)
    return {
        **refused,
        "errors": [{"field": field, "code": refused["code"], "message": message}],
    }


def counts(present: int = 0, absent: int = 0) -> dict[str, Any]:
    """Return the counts of a session."""
    by_status = {"present": present, "absent": absent}
    statuses = {code: number for code, number in by_status.items() if number}
    return {**by_status, "total": present + absent, "statuses": statuses}


def session(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return an ended session as answers have it."""
    return {
        "_id": "<session>",
        "classId": "<class>",
        "date": DAY,
        "startedAt": TIME,
        "endedAt": TIME,
        "outcome": "closed",
        "startedBy": ADA,
        "endedBy": ADA,
        "finishedAt": None,
        "finishedBy": None,
        "counts": counts(present=1),
        "note": None,
        **changed,
    }


def record(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a record as answers have it."""
    return {
        "studentId": "<student_id>",
        "status": "present",
        "at": TIME,
        "by": "<teacher_id>",
        "via": None,
        "note": None,
        "minutesLate": None,
        "office": False,
        "v": 1,
        **changed,
    }


def with_records(*records: dict[str, Any], **changed: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return an ended session with its records."""
    return session(className="<name>", records=list(records), **changed)


DAY = Like(r"\d{4}-\d{2}-\d{2}")
GRACE = {"displayName": "Grace Hopper"}
UNMARKED = record(status=None, at=None, by=None, v=0)
SUPERSEDED = {"outcome": "superseded", "counts": counts()}


def _list() -> list[Row]:
    def row(case: str, body: Any, given: Given, query: str = "", who: str = "teacher") -> Row:  # noqa: ANN401 - JSON
        status = 200 if body.get("success") else 400
        return Row("listSessions", case, "GET", SESSIONS + query, who, status, body, given=given)

    behind = unfit("from is after to", "from")
    return [
        row("none has ended", ok([]), Scene.start),
        row("one", ok([session()]), Scene.hold),
        row("a co-teacher", ok([session()]), Scene.hold_and_share, who="stranger"),
        row("superseded", ok([session(**SUPERSEDED)]), Scene.hold_superseded),
        row("of days before", ok([]), Scene.hold, "?to=2000-01-01"),
        row("behind the last", ok([]), Scene.hold, "?after=<session>&limit=1"),
        row("a range that ends before it begins", behind, None, "?from=2026-01-02&to=2026-01-01"),
        row("a day that is none", INVALID, None, "?from=2026-02-30"),
        row("a limit of none", INVALID, None, "?limit=0"),
        *owned("listSessions", "GET", SESSIONS),
        replace(row("an administrator", ok([session()]), Scene.hold, who="admin"), by_admin=True),
    ]


def _register() -> list[Row]:
    path = "/api/v1/class/<class>/register"

    def row(case: str, body: Any, given: Given, query: str = "") -> Row:  # noqa: ANN401 - JSON
        status = 200 if body.get("success") else 400
        at = path + query
        return Row("getRegister", case, "GET", at, "teacher", status, body, given=given)

    def register(outcome: str, status: str) -> dict[str, Any]:
        grace = {
            "studentId": "<student_id>",
            "displayName": "Grace Hopper",
            "sortName": "Hopper, Grace",
            "statuses": [status],
        }
        return {
            "classId": "<class>",
            "className": "<name>",
            "from": DAY,
            "to": DAY,
            "sessions": [{"_id": "<session>", "date": DAY, "outcome": outcome}],
            "students": [grace],
        }

    behind = unfit("from is after to", "from")
    long = unfit("range is longer than two years", "from")
    return [
        row("one session", ok(register("closed", "present")), Scene.hold),
        row("corrected", ok(register("closed", "absent")), Scene.hold_and_correct),
        row("unmarked", ok(register("superseded", "")), Scene.hold_superseded),
        row("finished", ok(register("superseded", "absent")), Scene.hold_and_finish),
        row("a range that ends before it begins", behind, None, "?from=2026-01-02&to=2026-01-01"),
        row("a hundred years", long, None, "?from=1926-01-02&to=2026-01-01"),
        row("a day that is none", INVALID, None, "?to=2026-02-30"),
        *owned("getRegister", "GET", path),
    ]


def _report() -> list[Row]:
    path = "/api/v1/class/<class>/report"

    def row(case: str, body: Any, given: Given, query: str = "") -> Row:  # noqa: ANN401 - JSON
        status = 200 if body.get("success") else 400
        at = f"{path}{query}"
        return Row("getReport", case, "GET", at, "teacher", status, body, given=given)

    def report(sessions: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        grace = {
            "studentId": "<student_id>",
            "displayName": "Grace Hopper",
            "sortName": "Hopper, Grace",
            "taken": sessions,
            "statuses": {},
            "points": "0",
            "percentage": None,
            "longestAbsence": 0,
            "currentAbsence": 0,
            "warnings": [],
            "raised": [],
            **more,
        }
        names = {"classId": "<class>", "className": "<name>", "from": DAY, "to": DAY}
        return {**names, "rule": "points", "sessions": sessions, "students": [grace]}

    present = {"statuses": {"present": 1}, "points": "1", "percentage": 100.0}
    absent = {"statuses": {"absent": 1}, "percentage": 0.0}
    one = {"longestAbsence": 1, "currentAbsence": 1}
    return [
        row("nothing yet", ok(report(0)), None),
        row("one session", ok(report(1, **present)), Scene.hold),
        row("corrected", ok(report(1, **absent, **one)), Scene.hold_and_correct),
        row("a range that ends before it begins", INVALID, None, "?from=2026-01-02&to=2026-01-01"),
        row("a hundred years", INVALID, None, "?from=1926-01-02&to=2026-01-01"),
        row("a day that is none", INVALID, None, "?to=2026-02-30"),
        *owned("getReport", "GET", path),
    ]


def _warnings() -> list[Row]:
    path = "/api/v1/class/<class>/warnings"
    nothing = ok({"classId": "<class>", "className": "<name>", "warnings": []})
    return [
        Row("listWarnings", "nothing to warn of", "GET", path, "teacher", 200, nothing),
        *owned("listWarnings", "GET", path),
    ]


def _add() -> list[Row]:
    present = {"studentId": "<student_id>", "status": "present"}
    good = {"date": "<yesterday>", "records": [present]}

    def row(case: str, status: int, body: Any, sent: Any) -> Row:  # noqa: ANN401 - JSON
        return Row("addSession", case, "POST", SESSIONS, "teacher", status, body, sent)

    entered = with_records(record(**GRACE), _id=ID, startedAt=None)
    off = {"outcome": "cancelled", "counts": counts(), "note": "Snow"}
    cancelled = with_records(_id=ID, startedAt=None, **off)
    not_held = {"date": "<yesterday>", "cancelled": True, "reason": " Snow "}
    outsider = {**good, "records": [{**present, "studentId": "<outsider_id>"}]}
    early = unfit("date is before 1970", "date")
    future = unfit("date is in the future", "date")
    late = error("Forbidden, too late for teachers")
    return [
        row("on paper", 201, ok(entered), good),
        row("cancelled", 201, ok(cancelled), not_held),
        row("to come", 400, future, {**good, "date": "9999-12-31"}),
        row("in three days", 400, future, {**good, "date": "<in_three_days>"}),
        row("before 1970", 400, early, {**good, "date": "0001-01-01"}),
        row("the day before 1970", 400, early, {**good, "date": "1969-12-31"}),
        row("long ago", 403, late, {**good, "date": "1999-12-31"}),
        row("not on the roll", 404, NOT_ENROLLED, outsider),
        row("a student twice", 400, INVALID, {**good, "records": [present, present]}),
        row("neither records nor cancelled", 400, INVALID, {"date": "<yesterday>"}),
        row("cancelled with records", 400, INVALID, {**good, **not_held}),
        row("cancelled without a reason", 400, INVALID, {**not_held, "reason": " "}),
        row("unknown status", 400, INVALID, {**good, "records": [{**present, "status": "asleep"}]}),
        row("no date", 400, INVALID, {"records": [present]}),
        *owned("addSession", "POST", SESSIONS, good),
    ]


def _read() -> list[Row]:
    def row(case: str, who: str, status: int, body: Any, given: Given = Scene.hold) -> Row:  # noqa: ANN401 - JSON
        return Row("getEndedSession", case, "GET", SESSION, who, status, body, given=given)

    whole = ok(with_records(record(**GRACE)))
    return [
        row("its teacher", "teacher", 200, whole),
        row("its student", "student", 200, whole),
        row("another student", "outsider", 404, NO_SESSION),
        row("another teacher", "stranger", 403, NOT_TEACHER),
        row(
            "superseded, with the unmarked",
            "teacher",
            200,
            ok(with_records({**UNMARKED, **GRACE}, **SUPERSEDED)),
            Scene.hold_superseded,
        ),
        row("unknown", "teacher", 404, NO_SESSION, Scene.hold_none),
        replace(row("an administrator", "admin", 200, whole), by_admin=True),
    ]


def _finish() -> list[Row]:
    def row(case: str, status: int, body: Any, given: Given, who: str = "teacher") -> Row:  # noqa: ANN401 - JSON
        path = f"{SESSION}/finish"
        return Row("finishSession", case, "POST", path, who, status, body, given=given)

    finished = with_records(
        record(status="absent", via="unmarked", **GRACE),
        outcome="superseded",
        counts=counts(absent=1),
        finishedAt=TIME,
        finishedBy=ADA,
    )
    return [
        row("superseded", 200, ok(finished), Scene.hold_superseded),
        row("again", 200, ok(finished), Scene.hold_and_finish),
        row("closed", 409, error("session has nothing to finish"), Scene.hold),
        row("unknown", 404, NO_SESSION, Scene.hold_none),
        row("another teacher", 403, NOT_TEACHER, Scene.hold_superseded, "stranger"),
    ]


def _record() -> list[Row]:
    def row(
        case: str,
        who: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        given: Given = Scene.hold,
        path: str = RECORD,
    ) -> Row:
        return Row("getRecord", case, "GET", path, who, status, body, given=given)

    return [
        row("its teacher", "teacher", 200, ok(record())),
        row("the student", "student", 200, ok(record())),
        row("unmarked", "teacher", 200, ok(UNMARKED), Scene.hold_superseded),
        row("not on the roll", "teacher", 404, NOT_ENROLLED, path=f"{RECORDS}/<outsider_id>"),
        row("no ObjectId", "teacher", 404, NOT_ENROLLED, path=f"{RECORDS}/nonsense"),
        row("another teacher", "stranger", 403, NOT_TEACHER),
        row("unknown session", "teacher", 404, NO_SESSION, Scene.hold_none),
    ]


def _correct() -> list[Row]:
    good = {"status": "absent", "v": 1, "reason": " a slip "}

    def row(
        case: str,
        answered: int,
        body: Any,  # noqa: ANN401 - JSON
        given: Given = Scene.hold,
        *,
        who: str = "teacher",
        path: str = RECORD,
        **changed: Any,  # noqa: ANN401 - JSON
    ) -> Row:
        sent = {name: value for name, value in {**good, **changed}.items() if value is not ...}
        return Row("correctRecord", case, "PATCH", path, who, answered, body, sent, given)

    absent = record(status="absent", v=2)
    changed = error("record has changed")
    late = unfit("reason is needed after the day", "reason")
    by_admin = {"by": "<admin_id>", "office": True}
    return [
        row("by its teacher", 200, ok(absent)),
        row("with a note", 200, ok({**absent, "note": "late bus"}), note="late bus"),
        row("without a note", 200, ok(absent), note=None),
        row("with minutes", 200, ok({**absent, "minutesLate": 7}), minutesLate=7),
        row("of the unmarked", 200, ok({**absent, "v": 1}), Scene.hold_superseded, v=0),
        row("a version to come", 409, {**changed, "current": record()}, v=2),
        row("no record yet", 409, {**changed, "current": None}, Scene.hold_superseded, v=1),
        row("a former version", 409, {**changed, "current": absent}, Scene.hold_and_correct),
        row("not on the roll", 404, NOT_ENROLLED, path=f"{RECORDS}/<outsider_id>", v=0),
        row("another teacher", 403, NOT_TEACHER, who="stranger"),
        row("unknown session", 404, NO_SESSION, Scene.hold_none),
        row("unknown status", 400, INVALID, status="asleep"),
        row("status missing", 400, INVALID, status=...),
        row("version missing", 400, INVALID, v=...),
        row("version no number", 400, INVALID, v="1"),
        row("reason empty", 400, INVALID, reason=" "),
        row("no reason after the day", 400, late, Scene.hold_long_ago, reason=...),
        row("reason too long", 400, INVALID, reason="x" * 501),
        replace(row("by the office", 200, ok({**absent, **by_admin}), who="admin"), by_admin=True),
        replace(
            row(
                "after the office", 403, error("Forbidden, set by the office"), Scene.hold_by_office
            ),
            by_admin=True,
        ),
    ]


def _correct_many() -> list[Row]:
    one = {"studentId": "<student_id>", "status": "absent", "v": 1, "reason": "a slip"}

    def row(
        case: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        *sent: Any,  # noqa: ANN401 - JSON
        who: str = "teacher",
        given: Given = Scene.hold,
    ) -> Row:
        body_sent = {"records": list(sent)}
        return Row("correctRecords", case, "PATCH", RECORDS, who, status, body, body_sent, given)

    done = {
        "studentId": "<student_id>",
        "success": True,
        "record": record(status="absent", v=2),
    }
    stale = {
        "studentId": "<student_id>",
        "success": False,
        "error": "record has changed",
        "code": "record-has-changed",
        "current": record(status="absent", v=2),
    }
    stranger = {
        "studentId": "<outsider_id>",
        "success": False,
        "error": "Student not enrolled in class",
        "code": "student-not-enrolled-in-class",
    }
    outsider = {**one, "studentId": "<outsider_id>"}
    return [
        row("each for itself", 200, ok([done, stale, stranger]), one, one, outsider),
        row("none", 400, INVALID),
        row("one that does not fit", 400, INVALID, one, {**one, "v": None}),
        row("another teacher", 403, NOT_TEACHER, one, who="stranger"),
        row("unknown session", 404, NO_SESSION, one, given=Scene.hold_none),
    ]


def _history() -> list[Row]:
    original = {
        "v": 1,
        "at": TIME,
        "by": ADA,
        "from": None,
        "to": "present",
        "reason": None,
        "via": None,
    }
    change = {**original, "v": 2, "from": "present", "to": "absent", "reason": "a slip"}

    def row(
        case: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        given: Given = Scene.hold_and_correct,
        query: str = "",
        who: str = "teacher",
        student: str = "<student_id>",
    ) -> Row:
        path = f"{RECORDS}/{student}/history{query}"
        return Row("getRecordHistory", case, "GET", path, who, status, body, given=given)

    return [
        row("corrected", 200, ok([original, change])),
        row("never corrected", 200, ok([original]), Scene.hold),
        row("no record yet", 200, ok([]), Scene.hold_superseded),
        row("a page", 200, ok([original]), query="?limit=1"),
        row("the next page", 200, ok([change]), query="?limit=1&after=1"),
        row("a limit of none", 400, INVALID, query="?limit=0"),
        row("not on the roll", 404, NOT_ENROLLED, student="<outsider_id>"),
        row("another teacher", 403, NOT_TEACHER, who="stranger"),
        row("unknown session", 404, NO_SESSION, Scene.hold_none),
    ]


def _lock() -> list[Row]:
    def row(case: str, status: int, body: Any, sent: Any) -> Row:  # noqa: ANN401 - JSON
        return Row("setRecordLock", case, "PUT", LOCK, "admin", status, body, sent, by_admin=True)

    # A day on which no other row has a session.
    locked = {"through": "1970-01-01", "at": TIME, "by": "<admin_id>"}
    future = unfit("date is in the future", "through")
    return [
        row("a day", 200, ok(locked), {"through": "1970-01-01"}),
        row("nothing", 200, ok({**locked, "through": None}), {"through": None}),
        row("to come", 400, future, {"through": "9999-12-31"}),
        row("in three days", 400, future, {"through": "<in_three_days>"}),
        row("no day", 400, INVALID, {"through": "soon"}),
        row("left out", 400, INVALID, {}),
        Row(
            "getRecordLock",
            "as set",
            "GET",
            LOCK,
            "admin",
            200,
            ok(locked),
            given=Scene.lock,
            by_admin=True,
        ),
    ]
