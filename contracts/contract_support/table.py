"""The table: what each operation answers to whom, to the letter.

A word in angle brackets stands for something of the row's own scene (see ``scene.py``): ``<class>``
is the class of ``teacher`` with ``student`` in it, ``<other>`` one of the same teacher without
anybody, ``<foreign>`` one of ``stranger``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contract_support.matching import ANY_OBJECT, ID, NUMBER, TIME, TOKEN, Holding, Like
from contract_support.people import PASSWORD
from contract_support.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOBODY = None
JSON_TYPE = {"content-type": "application/json"}
HTML_TYPE = {"content-type": "text/html; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Row:
    """One request and its answer.

    Attributes:
        operation: Its operationId.
        case: What is special about it.
        method: HTTP method.
        path: With its query, if any.
        who: Who asks: teacher, stranger, student, outsider; None for nobody.
        status: Of the answer.
        body: The whole body; None where it is a page.
        json: What is sent; ... for nothing.
        given: What happened before.
        headers: Headers of the answer.
    """

    operation: str
    case: str
    method: str
    path: str
    who: str | None
    status: int
    body: Any
    json: Any = ...
    given: Callable[[Scene], None] | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: JSON_TYPE)

    def __str__(self) -> str:
        return f"{self.operation}: {self.case}"


def ok(data: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A body with data."""
    return {"success": True, "data": data}


def error(message: str, /, **more: str) -> dict[str, Any]:
    """A body with an error."""
    return {"success": False, "error": message, **more}


def user(name: str, email: str, role: str) -> dict[str, Any]:
    """An account, as it is answered."""
    return {
        "_id": ID,
        "name": name,
        "email": email,
        "role": role,
        "createdAt": TIME,
        "updatedAt": TIME,
    }


def class_room(
    name: str,
    students: list[Any],
    key: Any = "<class>",  # noqa: ANN401 - JSON
    teacher: Any = "<teacher_id>",  # noqa: ANN401 - JSON
) -> dict[str, Any]:
    """A class, as it is answered."""
    return {
        "_id": key,
        "className": name,
        "teacherId": teacher,
        "studentsIds": students,
        "createdAt": TIME,
        "updatedAt": TIME,
    }


def rows() -> list[Row]:
    """All rows."""
    return [
        *_register(),
        *_login(),
        *_me(),
        *_create("createClass", "/api/v1/class/create-class"),
        *_create("createClassAlias", "/api/v1/class"),
        *_list_classes(),
        *_get_class(),
        *_rename(),
        *_delete(),
        *_add_student(),
        *_remove_student(),
        *_list_students(),
        *_start(),
        *_session(),
        *_my_attendance(),
        *_service(),
    ]


def _register() -> list[Row]:
    path = "/api/v1/auth/register"
    good = {
        "name": "Ada Lovelace",
        "email": "<fresh>@school.example",
        "password": "secret",
        "role": "teacher",
    }
    invalid = error("Invalid request Schema")

    def row(case: str, status: int, body: Any, **fields: Any) -> Row:  # noqa: ANN401 - JSON
        sent = {name: value for name, value in {**good, **fields}.items() if value is not ...}
        return Row("registerUser", case, "POST", path, NOBODY, status, body, sent)

    made = ok(user("ada lovelace", "<fresh>@school.example", "teacher"))
    return [
        row("a teacher", 201, made),
        row(
            "a student",
            201,
            ok(user("ada lovelace", "<fresh>@school.example", "student")),
            role="student",
        ),
        row("name is trimmed and lower-cased", 201, made, name=" \tAda LOVELACE\u2003"),
        row("address is trimmed and lower-cased", 201, made, email=" <fresh>@SCHOOL.Example "),
        row("further fields are ignored", 201, made, admin=True, _id="x"),
        row(
            "name of 100 characters",
            201,
            ok(user("é" * 100, "<fresh>@school.example", "teacher")),
            name="É" * 100,
        ),
        row("password of 72 bytes", 201, made, password="é" * 36),
        row("address that is taken", 403, error("Email already exists"), email="<teacher_email>"),
        row(
            "address that is taken, in capitals",
            403,
            error("Email already exists"),
            email="<TEACHER_EMAIL>",
        ),
        *[
            row(f"{name} missing", 422, invalid, **{name: ...})
            for name in ("name", "email", "password", "role")
        ],
        *[
            row(f"{name} null", 422, invalid, **{name: None})
            for name in ("name", "email", "password", "role")
        ],
        row("name blank", 422, invalid, name=" \u00a0\n"),
        row("name of 101 characters", 422, invalid, name="a" * 101),
        row("name no string", 422, invalid, name=5),
        row("address without an at", 422, invalid, email="school.example"),
        row("address without a dot", 422, invalid, email="a@school"),
        row("address with a space", 422, invalid, email="a b@school.example"),
        row("password of 5 characters", 422, invalid, password="12345"),
        row("password of 73 bytes", 422, invalid, password="a" * 73),
        row("password of 37 characters in 74 bytes", 422, invalid, password="é" * 37),
        row("a third role", 422, invalid, role="admin"),
        row("role in capitals", 422, invalid, role="Teacher"),
    ]


def _login() -> list[Row]:
    def row(case: str, status: int, body: Any, sent: Any) -> Row:  # noqa: ANN401 - JSON
        return Row("login", case, "POST", "/api/v1/auth/login", NOBODY, status, body, sent)

    invalid = error("Invalid request Schema")
    wrong = error("Invalid email or password")
    token = ok({"token": TOKEN})
    mail = "<teacher_email>"
    return [
        row("a teacher", 200, token, {"email": mail, "password": PASSWORD}),
        row("a student", 200, token, {"email": "<student_email>", "password": PASSWORD}),
        row(
            "address in capitals, with spaces",
            200,
            token,
            {"email": " <TEACHER_EMAIL> ", "password": PASSWORD},
        ),
        row(
            "nobody's address",
            404,
            error("User not found"),
            {"email": "<fresh>@school.example", "password": PASSWORD},
        ),
        row("wrong password", 400, wrong, {"email": mail, "password": "another one"}),
        row("password in capitals", 400, wrong, {"email": mail, "password": PASSWORD.upper()}),
        row("password too short for any account", 400, wrong, {"email": mail, "password": "x"}),
        row("password too long for any account", 400, wrong, {"email": mail, "password": "x" * 73}),
        row("email missing", 422, invalid, {"password": PASSWORD}),
        row("password missing", 422, invalid, {"email": mail}),
        row("password empty", 422, invalid, {"email": mail, "password": ""}),
        row("password no string", 422, invalid, {"email": mail, "password": 123456}),
        row("email no address", 422, invalid, {"email": "ada", "password": PASSWORD}),
    ]


def _me() -> list[Row]:
    def row(case: str, who: str, body: Any) -> Row:  # noqa: ANN401 - JSON
        return Row("getMe", case, "GET", "/api/v1/auth/me", who, 200, body)

    return [
        row("a teacher", "teacher", ok(user("ada lovelace", "<teacher_email>", "teacher"))),
        row("a student", "student", ok(user("grace hopper", "<student_email>", "student"))),
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
        row("name of 100 characters", 201, made("<fresh>" + "é" * 68), {"className": "<fresh>" + "é" * 68}),
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
        row("none", "outsider", []),
    ]


def _get_class() -> list[Row]:
    details = ok(
        [
            {
                "_id": "<class>",
                "className": "<name>",
                "createdAt": TIME,
                "updatedAt": TIME,
                "teacherId": {"name": "ada lovelace", "email": "<teacher_email>"},
                "studentsIds": [{"name": "grace hopper", "email": "<student_email>"}],
            }
        ]
    )
    not_enrolled = "you are not enrolled in the class"

    def row(case: str, who: str, key: str, status: int, body: Any) -> Row:  # noqa: ANN401 - JSON
        return Row("getClass", case, "GET", f"/api/v1/class/{key}", who, status, body)

    return [
        row("its teacher", "teacher", "<class>", 200, details),
        row("a student in it", "student", "<class>", 200, details),
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


def _owned(operation: str, method: str, path: str, sent: Any = ...) -> list[Row]:  # noqa: ANN401
    """What every operation of the owner alone answers to others, and to a class that is none."""

    def row(case: str, who: str, key: str, status: int, message: str) -> Row:
        at = path.replace("<class>", key)
        return Row(operation, case, method, at, who, status, error(message), sent)

    return [
        row("another teacher", "stranger", "<class>", 403, "Forbidden, not class teacher"),
        row("no such class", "teacher", "<missing>", 404, "Class not found"),
        row("no ObjectId", "teacher", "nonsense", 404, "Class not found"),
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
        *_owned("renameClass", "PATCH", path, {"className": "New <fresh>"}),
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
        *_owned("deleteClass", "DELETE", path),
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
        *_owned("addStudent", "POST", path, {"studentId": "<outsider_id>"}),
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
        *_owned("removeStudent", "DELETE", path),
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
        row("all", "", 200, ok(Holding((grace, mary)))),
        row("name begins so", "?search=GRACE%20h", 200, ok(Holding((grace,)))),
        row("address begins so", "?search=<student_email>", 200, ok([grace])),
        row("nothing begins so", "?search=<fresh>", 404, nobody),
        row("so many", "?limit=1", 200, ok([one])),
        row("those behind one", "?after=<student_id>", 200, ok(Holding((mary,)))),
        row("the next page", "?limit=1&after=<student_id>", 200, ok([one])),
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


def _start() -> list[Row]:
    def row(
        case: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        sent: Any,  # noqa: ANN401 - JSON
        given: Callable[[Scene], None] | None = None,
    ) -> Row:
        path = "/api/v1/attendance/start"
        return Row("startAttendance", case, "POST", path, "teacher", status, body, sent, given)

    live = ok(class_room("<name>", ["<student_id>"]))
    invalid = error("Invalid request schema")
    unknown = error("class not found")
    return [
        row("by name", 200, live, {"className": "<name>"}),
        row("by name in capitals, with spaces", 200, live, {"className": " <NAME> "}),
        row("by id", 200, live, {"classId": "<class>"}),
        row("by both: the id decides", 200, live, {"classId": "<class>", "className": "<taken>"}),
        row("again", 200, live, {"classId": "<class>"}, Scene.mark),
        row("while another class is live", 200, live, {"classId": "<class>"}, Scene.supersede),
        row("neither", 400, invalid, {}),
        row("name no string", 400, invalid, {"className": 5}),
        row("name null", 400, invalid, {"className": None}),
        row("id no ObjectId", 400, invalid, {"classId": "nonsense"}),
        row("id null beside a name", 400, invalid, {"classId": None, "className": "<name>"}),
        row("nobody's name", 404, unknown, {"className": "No <fresh>"}),
        row("name that no class can have", 404, unknown, {"className": ""}),
        row("no such class", 404, unknown, {"classId": "<missing>"}),
        row("another teacher's class", 404, unknown, {"classId": "<foreign>"}),
    ]


def _session() -> list[Row]:
    def row(
        case: str, who: str, attendance: dict[str, str], given: Callable[[Scene], None]
    ) -> Row:
        data = {
            "classId": "<class>",
            "className": "<name>",
            "startedAt": TIME,
            "seq": NUMBER,
            "attendance": attendance,
        }
        path = "/api/v1/attendance/session"
        return Row("getSession", case, "GET", path, who, 200, ok(data), given=given)

    marked = {"<student_id>": "present"}
    none = error("No active attendance session")
    return [
        row("fresh", "teacher", {}, Scene.start),
        row("with its marks", "teacher", marked, Scene.mark),
        row("a student, unmarked", "student", {}, Scene.start),
        row("a student, marked", "student", marked, Scene.mark),
        row("a student sees nobody else's mark", "outsider", {}, Scene.mark_with_onlooker),
        Row(
            "getSession",
            "none of the caller's",
            "GET",
            "/api/v1/attendance/session",
            "stranger",
            404,
            none,
            given=Scene.start,
        ),
        Row(
            "getSession",
            "over",
            "GET",
            "/api/v1/attendance/session",
            "teacher",
            404,
            none,
            given=Scene.record,
        ),
    ]


def _my_attendance() -> list[Row]:
    def row(
        case: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        given: Callable[[Scene], None] | None = None,
        *,
        key: str = "<class>",
        who: str = "student",
    ) -> Row:
        path = f"/api/v1/attendance/{key}/my-attendance"
        return Row("getMyAttendance", case, "GET", path, who, status, body, given=given)

    def status(value: str | None) -> dict[str, Any]:
        return ok({"classId": "<class>", "status": value})

    stranger = error("You are not in the class, please contact your professor/admin")
    return [
        row("nothing yet", 200, status(None)),
        row("a mark of a live session is no record", 200, status(None), Scene.mark),
        row("present", 200, status("present"), Scene.record),
        row("absent", 200, status("absent"), Scene.miss),
        row("marked before another class's session", 200, status("present"), Scene.supersede),
        row("unmarked before another class's session", 200, status(None), Scene.supersede_unmarked),
        row("after leaving and coming back", 200, status("present"), Scene.leave_after_record),
        row("not in the class", 403, stranger, who="outsider"),
        row("no such class", 404, error("Class not found"), key="<missing>"),
        row("no ObjectId", 404, error("Class not found"), key="nonsense"),
    ]


def _service() -> list[Row]:
    def row(operation: str, path: str, body: Any, headers: Mapping[str, str] = JSON_TYPE) -> Row:  # noqa: ANN401
        return Row(operation, "answers", "GET", path, NOBODY, 200, body, headers=headers)

    return [
        row("getHealth", "/healthz", ok({"status": "ok"})),
        row("getReadiness", "/readyz", ok({"status": "ok"})),
        row("getOpenapi", "/openapi.json", ANY_OBJECT),
        row("getAsyncapi", "/asyncapi.json", ANY_OBJECT),
        row("getDocs", "/docs", None, HTML_TYPE),
        row("getWebsocketDocs", "/docs/websocket", None, HTML_TYPE),
    ]
