"""The rows for what a student has attended over time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from quartapp_contract_suite.http.scene import Scene
from quartapp_contract_suite.http.table.rows import Row, error, ok

OWN = "/api/v1/me/attendance"
OF_LEAVER = "/api/v1/student/<leaver_id>/attendance"
UNFIT = ("?from=2026-01-02&to=2026-01-01", "?from=2026-02-30", "?to=now")


def attended_rows() -> list[Row]:
    """Return the rows."""
    return [*_own(), *_of_student()]


def _total(number: int) -> dict[str, Any]:
    return {
        "taken": number,
        "statuses": {"present": number} if number else {},
        "points": str(number),
        "percentage": 100.0 if number else None,
        "longestAbsence": 0,
        "currentAbsence": 0,
    }


def _attendance(number: int, **days: str) -> dict[str, Any]:
    names = {"classId": "<attended>", "className": "<attended_name>"}
    return {
        "studentId": "<leaver_id>",
        "displayName": "Dorothy Vaughan",
        "sortName": "Vaughan, Dorothy",
        "from": None,
        "to": None,
        "rule": "points",
        **days,
        "total": _total(number),
        "classes": [{**names, **_total(number), "warnings": []}],
    }


def _own() -> list[Row]:
    def row(case: str, who: str, body: Any, query: str = "") -> Row:  # noqa: ANN401 - JSON
        status = 200 if body.get("success") else 400
        return Row(
            "getOwnAttendance", case, "GET", OWN + query, who, status, body, given=Scene.attend
        )

    nobody = {"studentId": "<stranger_id>", "displayName": "Alan Turing"}
    none = {**_attendance(0), **nobody, "sortName": "Turing, Alan"}
    return [
        row("one session", "leaver", ok(_attendance(1))),
        row("of days before", "leaver", ok(_attendance(0, to="2000-01-01")), "?to=2000-01-01"),
        row("a teacher", "stranger", ok({**none, "classes": []})),
        *(
            row(f"{query} is refused", "leaver", error("Invalid request schema"), query)
            for query in UNFIT
        ),
    ]


def _of_student() -> list[Row]:
    def row(
        case: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        who: str = "teacher",
        path: str = OF_LEAVER,
    ) -> Row:
        return Row("getStudentAttendance", case, "GET", path, who, status, body, given=Scene.attend)

    unknown = error("Student not found")
    invalid = error("Invalid request schema")
    later = ok(_attendance(0, **{"from": "2999-01-01"}))
    return [
        row("one session", 200, ok(_attendance(1))),
        row("of days to come", 200, later, path=f"{OF_LEAVER}?from=2999-01-01"),
        replace(
            row("an administrator", 200, ok(_attendance(1)), "admin"),
            by_admin=True,
        ),
        row("no common class", 403, error("Forbidden, not class teacher"), "stranger"),
        row("no such account", 404, unknown, path="/api/v1/student/<missing>/attendance"),
        row("no ObjectId", 404, unknown, path="/api/v1/student/nonsense/attendance"),
        row("a teacher", 404, unknown, path="/api/v1/student/<stranger_id>/attendance"),
        *(row(f"{query} is refused", 400, invalid, path=OF_LEAVER + query) for query in UNFIT),
    ]
