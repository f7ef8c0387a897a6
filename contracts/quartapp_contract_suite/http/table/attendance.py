"""The rows for paths under /attendance, and for operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quartapp_contract_suite.http.matching import ANY_OBJECT, NUMBER, TIME, Holding
from quartapp_contract_suite.http.scene import Scene
from quartapp_contract_suite.http.table.rows import (
    EVENTS_TYPE,
    HTML_TYPE,
    JSON_TYPE,
    NOBODY,
    TEXT_TYPE,
    Row,
    class_room,
    error,
    ok,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PAGE = "<!doctype html>"


def attendance_rows() -> list[Row]:
    """Return the rows."""
    return [
        *_start(),
        *_session(),
        *_events(),
        *_my_attendance(),
        *_statuses(),
        *_service(),
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
    def row(case: str, who: str, attendance: dict[str, str], given: Callable[[Scene], None]) -> Row:
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
        *(
            Row(
                "getSession",
                f"of a class that is {what}",
                "GET",
                f"/api/v1/attendance/session?classId={class_id}",
                "teacher",
                404,
                none,
                given=Scene.start,
            )
            for what, class_id in (
                ("unknown", "f" * 24),
                ("no identifier", "x"),
                ("an identifier and more", "<class>0"),
                ("empty", ""),
            )
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


def _events() -> list[Row]:
    """Return the rows of the event stream, which a request with ``HEAD`` does not open."""
    path = "/api/v1/attendance/events"
    invalid = error("Invalid request schema")
    return [
        *(
            Row("readEvents", f"of a {who}", "HEAD", path, who, 200, "", headers=EVENTS_TYPE)
            for who in ("teacher", "student")
        ),
        *(
            Row("readEvents", case, "GET", f"{path}?{query}", "student", 400, invalid)
            for case, query in (
                ("since that is no number", "since=x"),
                ("since that is negative", "since=-1"),
                ("class that is no identifier", "since=0&classId=x"),
            )
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


def _statuses() -> list[Row]:
    def one(code: str, points: str) -> dict[str, Any]:
        named = {"code": code, "label": code.capitalize(), "key": code[0], "countsAs": code}
        return {**named, "points": points, "setBy": ["teacher"]}

    own = Holding((one("present", "1"), one("absent", "0")))
    path = "/api/v1/attendance/statuses"
    return [
        Row("listStatuses", f"as {who}", "GET", path, who, 200, ok(own))
        for who in ("teacher", "student")
    ]


def _service() -> list[Row]:
    def row(operation: str, path: str, body: Any, headers: Mapping[str, str] = JSON_TYPE) -> Row:  # noqa: ANN401
        return Row(operation, "answers", "GET", path, NOBODY, 200, body, headers=headers)

    offered = {
        "plugins": Holding(("auth", "classes", "attendance")),
        "frames": [0, 1],
        "features": ANY_OBJECT,
    }
    return [
        row("getHealth", "/healthz", ok({"status": "ok"})),
        row("getReadiness", "/readyz", ok({"status": "ok"})),
        row("getMetrics", "/metrics", "# HELP quartapp_", TEXT_TYPE),
        row("getCapabilities", "/api/v1/capabilities", ok(offered)),
        row("getOpenapi", "/openapi.json", ANY_OBJECT),
        row("getAsyncapi", "/asyncapi.json", ANY_OBJECT),
        row("getDocs", "/docs", PAGE, HTML_TYPE),
        row("getWebsocketDocs", "/docs/websocket", PAGE, HTML_TYPE),
    ]
