"""The rows for paths of classes under /class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.http.matching import ID, TIME, Holding
from quartapp_contract_suite.http.scene import Scene
from quartapp_contract_suite.http.table.rows import Row, class_room, error, ok, on

if TYPE_CHECKING:
    from collections.abc import Callable


def class_rows() -> list[Row]:
    """Return the rows."""
    return [
        *_create("createClass", "/api/v1/class/create-class"),
        *_create("createClassAlias", "/api/v1/class"),
        *_list_classes(),
        *_get_class(),
        *_rename(),
        *_delete(),
    ]


def _create(operation: str, path: str) -> list[Row]:
    def row(case: str, status: int, body: Any, sent: Any, who: str = "teacher") -> Row:  # noqa: ANN401
        return Row(operation, case, "POST", path, who, status, body, sent)

    def made(name: str, teacher: Any = "<teacher_id>") -> dict[str, Any]:  # noqa: ANN401 - JSON
        return ok(class_room(name, [], ID, teacher))

    invalid = error("Invalid request schema")
    taken = error("class already exist")
    return [
        row("a class", 201, made("New <fresh>"), {"className": "New <fresh>"}),
        row("name is trimmed", 201, made("New <fresh>"), {"className": " \tNew <fresh>\u2003"}),
        row(
            "name of 100 characters",
            201,
            made("<fresh>" + "é" * 68),
            {"className": "<fresh>" + "é" * 68},
        ),
        row(
            "another teacher's name",
            201,
            made("<name>", ID),
            {"className": "<name>"},
            "stranger",
        ),
        row("name taken", 409, taken, {"className": "<name>"}),
        row("name taken, in capitals", 409, taken, {"className": "<NAME>"}),
        row("name taken, with spaces", 409, taken, {"className": " <name> "}),
        row("name missing", 400, invalid, {}),
        row("name null", 400, invalid, {"className": None}),
        row("name of 2 characters", 400, invalid, {"className": "ab"}),
        row("name of 2 characters and spaces", 400, invalid, {"className": "  ab  "}),
        row("name of 101 characters", 400, invalid, {"className": "a" * 101}),
        row("name no string", 400, invalid, {"className": 101}),
    ]


def _list_classes() -> list[Row]:
    def row(case: str, who: str, data: Any) -> Row:  # noqa: ANN401 - JSON
        return Row("listClasses", case, "GET", "/api/v1/class", who, 200, ok(data))

    own = class_room("<name>", ["<student_id>"])
    return [
        row(
            "a teacher's own, newest first",
            "teacher",
            Holding((own, class_room("<taken>", [], "<other>"))),
        ),
        row("those a student is enrolled in", "student", Holding((own,))),
        row("none", "newcomer", []),
    ]


def _get_class() -> list[Row]:
    student = {"name": "grace hopper", "email": "<student_email>"}

    def seen(teacher_email: str | None) -> Any:  # noqa: ANN401 - JSON
        teacher = {"name": "ada lovelace", "email": teacher_email}
        times = {"createdAt": TIME, "updatedAt": TIME}
        named = {"_id": "<class>", "className": "<name>"}
        return ok([{**named, **times, "teacherId": teacher, "studentsIds": [student]}])

    details, as_classmate = seen("<teacher_email>"), seen(None)
    not_enrolled = "you are not enrolled in the class"

    def row(case: str, who: str, key: str, status: int, body: Any) -> Row:  # noqa: ANN401 - JSON
        return Row("getClass", case, "GET", f"/api/v1/class/{key}", who, status, body)

    return [
        row("its teacher", "teacher", "<class>", 200, details),
        *on("open", row("a student in it", "student", "<class>", 200, details)),
        *on("invite", row("a student in it", "student", "<class>", 200, as_classmate)),
        row("id in capitals", "teacher", "<CLASS>", 200, details),
        row("no such class", "teacher", "<missing>", 404, error("Class not found")),
        row("no such class, a student", "student", "<missing>", 404, error("Class not found")),
        row("no ObjectId", "teacher", "nonsense", 404, error("Class not found")),
        row(
            "a student who is not in it",
            "outsider",
            "<class>",
            404,
            error(not_enrolled, message=not_enrolled),
        ),
        row("another teacher", "stranger", "<class>", 403, error("Forbidden, not class teacher")),
    ]


def _rename() -> list[Row]:
    path = "/api/v1/class/<class>"

    def row(case: str, status: int, body: Any, name: Any) -> Row:  # noqa: ANN401 - JSON
        sent = {"className": name}
        return Row("renameClass", case, "PATCH", path, "teacher", status, body, sent)

    def renamed(name: str) -> dict[str, Any]:
        return ok(class_room(name, ["<student_id>"]))

    return [
        row("another name", 200, renamed("New <fresh>"), " New <fresh> "),
        row("the name it has", 200, renamed("<name>"), "<name>"),
        row("the name it has, in capitals", 200, renamed("<NAME>"), "<NAME>"),
        row("name taken", 409, error("class already exist"), "<taken>"),
        row("name too short", 400, error("Invalid request schema"), "ab"),
        row("name no string", 400, error("Invalid request schema"), None),
        *owned("renameClass", "PATCH", path, {"className": "New <fresh>"}),
    ]


def _delete() -> list[Row]:
    path = "/api/v1/class/<class>"

    def row(
        case: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        given: Callable[[Scene], None] | None = None,
        query: str = "",
    ) -> Row:
        at = path + query
        return Row("deleteClass", case, "DELETE", at, "teacher", status, body, given=given)

    was = ok(class_room("<name>", ["<student_id>"]))
    kept = error("class has attendance records")
    live = error("attendance session is active")
    records = "?records=delete"
    return [
        row("a class", 200, was),
        row("a class without records, with them", 200, was, query=records),
        row("its session is live", 409, live, Scene.start),
        row("its session is live, with its records", 409, live, Scene.start, records),
        row("it has records", 409, kept, Scene.record),
        row("it has records, which go too", 200, was, Scene.record, records),
        row("another value", 400, error("Invalid request schema"), query="?records=keep"),
        *owned("deleteClass", "DELETE", path),
    ]


def owned(operation: str, method: str, path: str, sent: Any = ...) -> list[Row]:  # noqa: ANN401
    """Return the refusals of an operation that only the owner of an existing class may call."""

    def row(case: str, who: str, key: str, status: int, message: str) -> Row:
        at = path.replace("<class>", key)
        return Row(operation, case, method, at, who, status, error(message), sent)

    return [
        row("another teacher", "stranger", "<class>", 403, "Forbidden, not class teacher"),
        row("no such class", "teacher", "<missing>", 404, "Class not found"),
        row("no ObjectId", "teacher", "nonsense", 404, "Class not found"),
    ]
