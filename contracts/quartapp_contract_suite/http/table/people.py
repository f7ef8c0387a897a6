"""The rows of the accounts of other people; all need an administrator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.http.matching import ANY_OBJECT, ID, TEXT, TIME, Holding
from quartapp_contract_suite.http.scene import Scene
from quartapp_contract_suite.http.table.rows import Row, class_room, error, ok
from quartapp_contract_suite.people import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "/api/v1/admin/people"
ADDRESS = "<fresh>@school.example"
SHORT = PASSWORD[:5]
LONG = "ü" * 36 + "x"
INVALID = error("Invalid request schema")
NO_SUCH_ROLE = {name: value for name, value in INVALID.items() if name != "errors"}
NOT_FOUND = error("User not found")


def people_rows() -> list[Row]:
    """Return the rows."""
    parts = (*_create(), *_list(), *_one(), *_erasure(), *_role(), *_password(), *_classes())
    return [replace(row, by_admin=True) for row in parts]


def person(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return an account as administrators see it."""
    known = {"_id": ID, "name": "ada", "displayName": "Ada", "email": ADDRESS, "username": None}
    made = {"role": "teacher", "disabled": False, "vouched": True}
    elsewhere = {"issuer": None, "sourcedId": None}
    return {**known, **made, **elsewhere, "createdAt": TIME, "updatedAt": TIME, **more}


def _create() -> list[Row]:
    good = {"name": "Ada", "email": ADDRESS, "role": "teacher"}

    def row(case: str, status: int, body: Any, **fields: Any) -> Row:  # noqa: ANN401 - JSON
        sent = {name: value for name, value in {**good, **fields}.items() if value is not ...}
        return Row("createPerson", case, "POST", PATH, "admin", status, body, sent)

    taken = error("address or username is taken")
    by_username = person(email=None, username="<fresh>")
    return [
        row("without a password", 201, ok(person())),
        row("with a password", 201, ok(person()), password=PASSWORD),
        row("with a username alone", 201, ok(by_username), email=..., username="<fresh>"),
        row("an administrator", 201, ok(person(role="admin")), role="admin"),
        row("address in capitals", 201, ok(person()), email=ADDRESS.upper()),
        row("address taken", 409, taken, email="<teacher_email>"),
        row("neither address nor username", 400, INVALID, email=...),
        row("role that is none", 400, NO_SUCH_ROLE, role="<fresh>"),
        row("role missing", 400, INVALID, role=...),
        row("name missing", 400, INVALID, name=...),
        row("name empty", 400, INVALID, name=" "),
        row("email no address", 400, INVALID, email="ada"),
        row("username with an @", 400, INVALID, username="a@b"),
        row("password of 5 characters", 400, INVALID, password=SHORT),
        row("password of 73 bytes", 400, INVALID, password=LONG),
        row("password null", 400, INVALID, password=None),
    ]


def _list() -> list[Row]:
    def row(case: str, query: str, status: int, body: Any) -> Row:  # noqa: ANN401 - JSON
        path = f"{PATH}?{query}"
        return Row("listPeople", case, "GET", path, "admin", status, body, given=Scene.employ)

    found = ok([person(_id="<person_id>")])
    return [
        row("by address", "search=<fresh>@SCHOOL", 200, found),
        row("by address and role", "search=<fresh>&role=teacher&limit=1", 200, found),
        row("of another role", "search=<fresh>&role=student", 200, ok([])),
        row("of a role that is none", "role=<fresh>", 200, ok([])),
        row("of nobody", "search=<fresh><fresh>", 200, ok([])),
        row("behind the last", "after=ffffffffffffffffffffffff", 200, ok([])),
        row("search empty", "search=", 400, INVALID),
        row("limit 0", "limit=0", 400, INVALID),
        row("limit 501", "limit=501", 400, INVALID),
        row("after no id", "after=x", 400, INVALID),
    ]


def _one() -> list[Row]:
    def row(
        operation: str,
        case: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        at: str = "<person_id>",
        given: Callable[[Scene], None] = Scene.employ,
    ) -> Row:
        method, what = WAYS[operation]
        return Row(
            operation, case, method, f"{PATH}/{at}{what}", "admin", status, body, given=given
        )

    here, gone = ok(person(_id="<person_id>")), ok(person(_id="<person_id>", disabled=True))
    disabled = Scene.employ_and_disable
    return [
        row("getPerson", "somebody", 200, here),
        row("getPerson", "somebody who is disabled", 200, gone, given=disabled),
        row("disablePerson", "somebody", 200, gone),
        row("disablePerson", "somebody who is disabled", 200, gone, given=disabled),
        row("enablePerson", "somebody", 200, here),
        row("enablePerson", "somebody who is disabled", 200, here, given=disabled),
        row("revokePerson", "somebody", 200, here),
        row("erasePerson", "somebody", 200, ok(ERASED)),
        *(row(one, "nobody", 404, NOT_FOUND, "<missing>") for one in WAYS),
        *(row(one, "no id", 404, NOT_FOUND, "x") for one in WAYS),
    ]


ERASED = {"_id": "<person_id>", "dryRun": False, "erased": ANY_OBJECT}
WAYS = {
    "getPerson": ("GET", ""),
    "disablePerson": ("POST", "/disable"),
    "enablePerson": ("POST", "/enable"),
    "revokePerson": ("POST", "/revoke"),
    "erasePerson": ("POST", "/erase"),
}


def _change(operation: str, part: str) -> Callable[..., Row]:
    """Return a function that makes rows of a change to one part of an account."""

    def row(
        case: str,
        status: int,
        body: Any,  # noqa: ANN401 - JSON
        sent: Any,  # noqa: ANN401 - JSON
        at: str = "<person_id>",
    ) -> Row:
        path = f"{PATH}/{at}/{part}"
        return Row(operation, case, "PUT", path, "admin", status, body, sent, Scene.employ)

    return row


def _erasure() -> list[Row]:
    def row(case: str, status: int, body: Any, sent: Any) -> Row:  # noqa: ANN401 - JSON
        path = f"{PATH}/<person_id>/erase"
        return Row("erasePerson", case, "POST", path, "admin", status, body, sent, Scene.employ)

    return [
        row("tried", 200, ok({**ERASED, "dryRun": True}), {"dryRun": True}),
        row("dryRun no truth value", 400, INVALID, {"dryRun": "yes"}),
        row("dryRun null", 400, INVALID, {"dryRun": None}),
    ]


def _role() -> list[Row]:
    row = _change("setRole", "role")
    return [
        row("another", 200, ok(person(_id="<person_id>", role="student")), {"role": "student"}),
        row("the same", 200, ok(person(_id="<person_id>")), {"role": "teacher"}),
        row("role that is none", 400, NO_SUCH_ROLE, {"role": "<fresh>"}),
        row("role missing", 400, INVALID, {}),
        row("role null", 400, INVALID, {"role": None}),
        row("nobody", 404, NOT_FOUND, {"role": "student"}, "<missing>"),
        row("no id", 404, NOT_FOUND, {"role": "student"}, "x"),
    ]


def _password() -> list[Row]:
    row = _change("setPassword", "password")
    return [
        row("the first one", 200, ok(person(_id="<person_id>")), {"password": PASSWORD}),
        row("of 5 characters", 400, INVALID, {"password": SHORT}),
        row("of 73 bytes", 400, INVALID, {"password": LONG}),
        row("missing", 400, INVALID, {}),
        row("null", 400, INVALID, {"password": None}),
        row("of nobody", 404, NOT_FOUND, {"password": PASSWORD}, "<missing>"),
        row("no id", 404, NOT_FOUND, {"password": PASSWORD}, "x"),
    ]


def _classes() -> list[Row]:
    teacher = {"_id": "<teacher_id>", "name": "ada lovelace", "displayName": "Ada Lovelace"}
    teacher |= {"email": "<teacher_email>"}
    shown = {"_id": "<class>", "className": "<name>", "students": 1, "sourcedId": None}
    shown |= {"teachers": [{**teacher, "primary": True, "until": None}]}
    shown |= {"createdAt": TIME, "updatedAt": TIME}

    def row(case: str, query: str, status: int, body: Any) -> Row:  # noqa: ANN401 - JSON
        path = f"/api/v1/admin/classes?{query}"
        return Row("listEveryClass", case, "GET", path, "admin", status, body)

    def new(case: str, status: int, body: Any, **fields: Any) -> Row:  # noqa: ANN401 - JSON
        sent = {"className": "New <fresh>", "teacherId": "<teacher_id>", **fields}
        sent = {name: value for name, value in sent.items() if value is not ...}
        path = "/api/v1/admin/classes"
        return Row("createClassForTeacher", case, "POST", path, "admin", status, body, sent)

    adding, outsider = "/api/v1/class/<class>/add-student", {"studentId": "<outsider_id>"}
    added = {"success": True, "ExistingClass": ANY_OBJECT}
    roll = "/api/v1/class/<class>/students/<student_id>"
    session = "/api/v1/attendance/session?classId=<class>"
    mine = "/api/v1/class/<class>/teachers/<admin_id>"
    gone, nobody = error("No active attendance session"), error("Teacher not found")
    not_found = error("class not found")
    start, named = "/api/v1/attendance/start", {"classId": "<class>"}
    return [
        row("by name", "search=<NAME>&limit=1", 200, ok([shown])),
        row("of no such name", "search=<name>x", 200, ok([])),
        row("behind the last", "after=ffffffffffffffffffffffff", 200, ok([])),
        row("limit 0", "limit=0", 400, INVALID),
        row("limit 501", "limit=501", 400, INVALID),
        row("after no id", "after=x", 400, INVALID),
        row("search empty", "search=", 400, INVALID),
        new("a class", 201, ok(class_room("New <fresh>", [], ID))),
        new("name taken", 409, error("class already exist"), className="<NAME>"),
        new("of nobody", 404, nobody, teacherId="<missing>"),
        new("of a student", 404, nobody, teacherId="<student_id>"),
        new("of nobody named", 400, INVALID, teacherId=...),
        new("without a name", 400, INVALID, className=...),
        new("name of 2 characters", 400, INVALID, className="ab"),
        Row("addStudent", "an administrator", "POST", adding, "admin", 201, added, outsider),
        Row("removeStudent", "an administrator", "DELETE", roll, "admin", 200, ok(ANY_OBJECT)),
        Row("getSession", "an administrator, none", "GET", session, "admin", 404, gone),
        Row(
            *("setTeacher", "an administrator as a co-teacher", "PUT", mine, "admin", 200),
            ok(Holding(({**ADMIN, "primary": False, "until": None},))),
        ),
        Row(
            *("setTeacher", "an administrator as the primary teacher", "PUT", mine, "admin", 404),
            *(nobody, {"primary": True}),
        ),
        Row("startAttendance", "an administrator", "POST", start, "admin", 404, not_found, named),
    ]


ADMIN = {"_id": "<admin_id>", "name": TEXT, "displayName": TEXT, "email": TEXT}
