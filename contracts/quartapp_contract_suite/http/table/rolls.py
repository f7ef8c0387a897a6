"""The rows for paths of students under /class."""

from __future__ import annotations

from typing import Any

from quartapp_contract_suite.http.matching import ID, Holding, Like
from quartapp_contract_suite.http.table.classes import owned
from quartapp_contract_suite.http.table.rows import Row, class_room, error, ok, on


def roll_rows() -> list[Row]:
    """Return the rows."""
    return [
        *_add_student(),
        *_remove_student(),
        *_list_students(),
    ]


def _add_student() -> list[Row]:
    path = "/api/v1/class/<class>/add-student"

    def row(case: str, status: int, body: Any, student: Any) -> Row:  # noqa: ANN401 - JSON
        sent = {} if student is ... else {"studentId": student}
        return Row("addStudent", case, "POST", path, "teacher", status, body, sent)

    added = {
        "success": True,
        "ExistingClass": class_room("<name>", ["<student_id>", "<outsider_id>"]),
    }
    invalid = error("Invalid request schema")
    nobody = error("Student not found")
    return [
        row("a student", 201, added, "<outsider_id>"),
        row("id in capitals", 201, added, "<OUTSIDER_ID>"),
        row("a student who is in it", 409, error("student already exist in class"), "<student_id>"),
        row("no such user", 404, nobody, "<missing>"),
        row("a teacher", 404, nobody, "<teacher_id>"),
        row("id missing", 400, invalid, ...),
        row("id null", 400, invalid, None),
        row("no ObjectId", 400, invalid, "nonsense"),
        row("id no string", 400, invalid, 5),
        *owned("addStudent", "POST", path, {"studentId": "<outsider_id>"}),
    ]


def _remove_student() -> list[Row]:
    path = "/api/v1/class/<class>/students/<student_id>"

    def row(case: str, status: int, body: Any, student: str) -> Row:  # noqa: ANN401 - JSON
        at = f"/api/v1/class/<class>/students/{student}"
        return Row("removeStudent", case, "DELETE", at, "teacher", status, body)

    nobody = error("Student not found")
    return [
        row("a student", 200, ok(class_room("<name>", [])), "<student_id>"),
        row("a student who is not in it", 404, nobody, "<outsider_id>"),
        row("nobody", 404, nobody, "<missing>"),
        row("student no ObjectId", 404, nobody, "nonsense"),
        *owned("removeStudent", "DELETE", path),
    ]


def _list_students() -> list[Row]:
    def row(case: str, query: str, status: int, body: Any) -> Row:  # noqa: ANN401 - JSON
        path = f"/api/v1/class/students{query}"
        return Row("listStudents", case, "GET", path, "teacher", status, body)

    def student(name: str, key: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        return {
            "_id": key,
            "name": name,
            "email": Like(r"[0-9a-f]{32}@school\.example"),
            "role": "student",
        }

    grace, mary = student("grace hopper", "<student_id>"), student("mary jackson", "<outsider_id>")
    one = {"_id": ID, "name": Like(".*"), "email": Like(".*"), "role": "student"}
    invalid = error("Invalid request schema")
    nobody = error("No students found")
    return [
        *on("open", row("all", "", 200, ok(Holding((grace, mary))))),
        *on("invite", row("all of one's own", "", 200, ok(Holding((grace,))))),
        row(
            "one who is in no class, by the whole address",
            "?search=<outsider_email>",
            200,
            ok([mary]),
        ),
        row("name begins so", "?search=GRACE%20h", 200, ok(Holding((grace,)))),
        row("a later word of the name begins so", "?search=Hop", 200, ok(Holding((grace,)))),
        row("accents do not count", "?search=gr%C3%A1ce", 200, ok(Holding((grace,)))),
        row("address begins so", "?search=<student_email>", 200, ok([grace])),
        row("nothing begins so", "?search=<fresh>", 404, nobody),
        row("so many", "?limit=1", 200, ok([one])),
        *on(
            "open",
            row("those behind one", "?after=<student_id>", 200, ok(Holding((mary,)))),
            row("the next page", "?limit=1&after=<student_id>", 200, ok([one])),
        ),
        row("behind the last", "?after=ffffffffffffffffffffffff", 404, nobody),
        *[
            row(f"{query} is refused", f"?{query}", 400, invalid)
            for query in (
                "limit=0",
                "limit=501",
                "limit=x",
                "limit=",
                "limit=1&limit=2",
                "after=nonsense",
                "search=",
                f"search={'a' * 101}",
            )
        ],
    ]
