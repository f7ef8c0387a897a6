"""The rows for teachers of classes, and for what co-teachers may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.http.matching import NUMBER, TIME, Holding
from quartapp_contract_suite.http.scene import Scene
from quartapp_contract_suite.http.table.classes import owned
from quartapp_contract_suite.http.table.rows import Row, class_room, error, ok

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/api/v1/class/<class>/teachers"


def teacher_rows() -> list[Row]:
    """Return the rows."""
    return [*_roll(), *_list(), *_set(), *_remove(), *_co_teacher(), *_handed_over()]


def _teacher(word: str, name: str, *, primary: bool, until: str | None = None) -> dict[str, Any]:
    return {
        "_id": f"<{word}_id>",
        "name": name.lower(),
        "displayName": name,
        "email": f"<{word}_email>",
        "primary": primary,
        "until": until,
    }


ADA = _teacher("teacher", "Ada Lovelace", primary=True)
ALAN = _teacher("stranger", "Alan Turing", primary=False)


def _roll() -> list[Row]:
    path = "/api/v1/class/<class>/roll"
    grace = {
        "_id": "<student_id>",
        "name": "grace hopper",
        "displayName": "Grace Hopper",
        "email": "<student_email>",
        "sortName": "Hopper, Grace",
    }
    return [
        Row("getRoll", "its teacher", "GET", path, "teacher", 200, ok([grace])),
        Row(
            "getRoll", "a co-teacher", "GET", path, "stranger", 200, ok([grace]), given=Scene.share
        ),
        Row("getRoll", "nobody on it", "GET", "/api/v1/class/<other>/roll", "teacher", 200, ok([])),
        *owned("getRoll", "GET", path),
    ]


def _list() -> list[Row]:
    def row(case: str, who: str, body: Any, given: Callable[[Scene], None] | None = None) -> Row:  # noqa: ANN401 - JSON
        return Row("listTeachers", case, "GET", PATH, who, 200, body, given=given)

    return [
        row("one teacher", "teacher", ok([ADA])),
        row("two teachers", "teacher", ok([ADA, ALAN]), Scene.share),
        row("a co-teacher asks", "stranger", ok([ADA, ALAN]), Scene.share),
        *owned("listTeachers", "GET", PATH),
    ]


def _set() -> list[Row]:
    def row(case: str, status: int, body: Any, sent: Any, user: str = "<stranger_id>") -> Row:  # noqa: ANN401 - JSON
        return Row("setTeacher", case, "PUT", f"{PATH}/{user}", "teacher", status, body, sent)

    invalid = error("Invalid request schema")
    nobody = error("Teacher not found")
    needed = error("class needs a primary teacher")
    substitute = _teacher("stranger", "Alan Turing", primary=False, until="9999-12-31")
    new = _teacher("stranger", "Alan Turing", primary=True)
    return [
        row("a co-teacher", 200, ok([ADA, ALAN]), {}),
        row("a co-teacher, without a body", 200, ok([ADA, ALAN]), ...),
        row("not the primary teacher", 200, ok([ADA, ALAN]), {"primary": False}),
        row("a substitute", 200, ok([ADA, substitute]), {"until": "9999-12-31"}),
        row("id in capitals", 200, ok([ADA, ALAN]), {}, "<STRANGER_ID>"),
        row("the new primary teacher", 200, ok([new]), {"primary": True}),
        row("the primary teacher again", 200, ok([ADA]), {"primary": True}, "<teacher_id>"),
        row("the primary teacher as co-teacher", 409, needed, {}, "<teacher_id>"),
        row("a day that has passed", 409, error("until has passed"), {"until": "2026-01-08"}),
        row("a student", 404, nobody, {}, "<student_id>"),
        row("nobody", 404, nobody, {}, "<missing>"),
        row("teacher no ObjectId", 404, nobody, {}, "nonsense"),
        row("until no date", 400, invalid, {"until": "2027-02-30"}),
        row("until a time", 400, invalid, {"until": "2027-02-03T00:00:00"}),
        row("until null", 400, invalid, {"until": None}),
        row("until a number", 400, invalid, {"until": 5}),
        row("primary no boolean", 400, invalid, {"primary": "yes"}),
        row("both", 400, invalid, {"primary": True, "until": "9999-12-31"}),
        Row(
            "setTeacher",
            "a new primary teacher who has a class of that name",
            "PUT",
            f"{PATH}/<stranger_id>",
            "teacher",
            409,
            error("class already exist"),
            {"primary": True},
            given=Scene.add_namesake,
        ),
        *owned("setTeacher", "PUT", f"{PATH}/<stranger_id>", {}),
    ]


def _remove() -> list[Row]:
    def row(
        case: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        user: str,
        given: Callable[[Scene], None] | None = None,
    ) -> Row:
        at = f"{PATH}/{user}"
        return Row("removeTeacher", case, "DELETE", at, "teacher", status, body, given=given)

    nobody = error("Teacher not found")
    return [
        row("a co-teacher", 200, ok([ADA]), "<stranger_id>", Scene.share),
        row("a teacher of other classes", 404, nobody, "<stranger_id>"),
        row("nobody", 404, nobody, "<missing>"),
        row("teacher no ObjectId", 404, nobody, "nonsense"),
        row("the primary teacher", 409, error("class needs a primary teacher"), "<teacher_id>"),
        *owned("removeTeacher", "DELETE", f"{PATH}/<stranger_id>"),
    ]


def _co_teacher() -> list[Row]:
    """Return what a co-teacher may do, and what only the primary teacher may."""
    room = class_room("<name>", ["<student_id>"])
    added = class_room("<name>", ["<student_id>", "<outsider_id>"])
    foreign = error("Forbidden, not class teacher")
    path = "/api/v1/class/<class>"

    def row(
        operation: str,
        method: str,
        at: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        sent: Any = ...,  # noqa: ANN401 - JSON
    ) -> Row:
        case = "a co-teacher of it"
        return Row(operation, case, method, at, "stranger", status, body, sent, given=Scene.share)

    enrolled = {"success": True, "ExistingClass": added}
    start, named = "/api/v1/attendance/start", {"className": "<NAME>"}
    student = {"studentId": "<outsider_id>"}
    return [
        row("listClasses", "GET", "/api/v1/class", 200, ok(Holding((room,)))),
        row("addStudent", "POST", f"{path}/add-student", 201, enrolled, student),
        row("startAttendance", "POST", start, 200, ok(room), named),
        row("renameClass", "PATCH", path, 403, foreign, {"className": "New <fresh>"}),
        row("deleteClass", "DELETE", path, 403, foreign),
        row("setTeacher", "PUT", f"{PATH}/<stranger_id>", 403, foreign, {"primary": True}),
        row("removeTeacher", "DELETE", f"{PATH}/<stranger_id>", 403, foreign),
    ]


def _handed_over() -> list[Row]:
    """Return what happens to a live session when the class gets another teacher."""
    path = "/api/v1/attendance/session?classId=<class>"
    gone = error("No active attendance session")

    def row(case: str, who: str, status: int, body: Any, given: Callable[[Scene], None]) -> Row:  # noqa: ANN401 - JSON
        return Row("getSession", case, "GET", path, who, status, body, given=given)

    live = ok(
        {
            "classId": "<class>",
            "className": "<name>",
            "startedAt": TIME,
            "seq": NUMBER,
            "attendance": {},
        }
    )
    return [
        row("the co-teacher of its class", "stranger", 200, live, Scene.share_and_start),
        row("the new teacher of its class", "stranger", 200, live, Scene.hand_over),
        row("the former teacher of its class", "teacher", 404, gone, Scene.hand_over),
    ]
