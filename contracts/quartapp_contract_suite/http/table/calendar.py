"""The rows of terms, holidays and meetings; days come from the scene, and belong to one row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from quartapp_contract_suite.http.matching import ID, NUMBER, TEXT, TIME, Like, ListOf
from quartapp_contract_suite.http.scene import HOLIDAYS, Scene
from quartapp_contract_suite.http.table.classes import owned
from quartapp_contract_suite.http.table.rows import Row, error, ok

if TYPE_CHECKING:
    from collections.abc import Callable

    Given = Callable[[Scene], None] | None

Json: TypeAlias = Any  # of a body

BASE = "/api/v1/calendar"
MEETINGS = "/api/v1/class/<class>/meetings"
PLANS = "/api/v1/class/<class>/planned-meetings"
INVALID = error("Invalid request schema")
SPAN = {"name": " Days ", "from": "<monday>", "to": "<tuesday>"}
DAY = Like(r"\d{4}-\d{2}-\d{2}")
LAST = "f" * 24
# Fields that make a span invalid.
BAD_SPANS: dict[str, dict[str, Json]] = {
    "name empty": {"name": " "},
    "name too long": {"name": "x" * 101},
    "name null": {"name": None},
    "from no day": {"from": "2026-02-30"},
    "from a time": {"from": "2026-02-03T00:00:00Z"},
    "from a number": {"from": 20260203},
    "from before year 1000": {"from": "0999-12-31"},
    "to before from": {"to": "1000-01-01"},
    "to after year 2999": {"to": "3000-01-01"},
    "to null": {"to": None},
}


def calendar_rows() -> list[Row]:
    """Return the rows."""
    return [
        *(replace(row, by_admin=True) for row in (*_terms(), *_holidays(), *_imports())),
        *(replace(row, by_admin=True) for row in (*_meetings(), *_planned(), *_not_taken())),
    ]


def _term(**more: Json) -> dict[str, Json]:
    return {"_id": "<term_id>", "name": "Days", "from": "<monday>", "to": "<tuesday>", **more}


def _holiday(**more: Json) -> dict[str, Json]:
    return {**_term(_id="<holiday_id>"), "source": None, **more}


def _terms() -> list[Row]:
    def row(
        name: str,
        case: str,
        status: int,
        body: Json,
        sent: Json = ...,
        given: Given = None,
        at: str = "<term_id>",
    ) -> Row:
        method, path = {
            "createTerm": ("POST", f"{BASE}/terms"),
            "changeTerm": ("PUT", f"{BASE}/terms/{at}"),
            "deleteTerm": ("DELETE", f"{BASE}/terms/{at}"),
        }[name]
        return Row(name, case, method, path, "admin", status, body, sent, given)

    def listed(case: str, who: str, query: str, status: int, body: Json) -> Row:
        path = f"{BASE}/terms?{query}"
        return Row("listTerms", case, "GET", path, who, status, body, given=Scene.have_term)

    overlaps = error("term overlaps another term")
    unknown = error("Term not found")
    longer = {**SPAN, "to": "<wednesday>"}
    each = ListOf({"_id": ID, "name": TEXT, "from": DAY, "to": DAY})
    return [
        *(listed(f"as {who}", who, "limit=500", 200, ok(each)) for who in ("teacher", "student")),
        listed("behind the last", "student", f"after={LAST}", 200, ok([])),
        listed("limit 0", "student", "limit=0", 400, INVALID),
        listed("limit 501", "student", "limit=501", 400, INVALID),
        listed("after no id", "student", "after=x", 400, INVALID),
        row("createTerm", "of two days", 201, ok(_term(_id=ID)), SPAN),
        row(
            "createTerm",
            "of one day",
            201,
            ok(_term(_id=ID, to="<monday>")),
            SPAN | {"to": "<monday>"},
        ),
        row(
            "createTerm",
            "with a day of another",
            409,
            overlaps,
            {**SPAN, "from": "<tuesday>", "to": "<wednesday>"},
            Scene.have_term,
        ),
        *(
            row("createTerm", case, 400, INVALID, {**SPAN, **bad}, Scene.have_term)
            for case, bad in BAD_SPANS.items()
        ),
        row("changeTerm", "longer", 200, ok(_term(to="<wednesday>")), longer, Scene.have_term),
        row("changeTerm", "into another", 409, overlaps, longer, Scene.have_two_terms),
        row("changeTerm", "unknown", 404, unknown, SPAN, at="<missing>"),
        row("changeTerm", "no id", 404, unknown, SPAN, at="x"),
        row("changeTerm", "without a name", 400, INVALID, {**longer, "name": ""}, Scene.have_term),
        row("deleteTerm", "without meetings", 200, ok(_term()), given=Scene.have_term),
        row(
            *("deleteTerm", "with a meeting", 409, error("classes meet in the term")),
            given=Scene.have_meeting,
        ),
        row("deleteTerm", "unknown", 404, unknown, at="<missing>"),
        row("deleteTerm", "no id", 404, unknown, at="x"),
    ]


def _holidays() -> list[Row]:
    path = f"{BASE}/holidays"

    def listed(case: str, who: str, query: str, status: int, body: Json) -> Row:
        at = f"{path}?{query}"
        return Row("listHolidays", case, "GET", at, who, status, body, given=Scene.have_holiday)

    def created(case: str, status: int, body: Json, sent: Json) -> Row:
        return Row("createHoliday", case, "POST", path, "admin", status, body, sent)

    def deleted(case: str, status: int, body: Json, at: str = "<holiday_id>") -> Row:
        where = f"{path}/{at}"
        return Row(
            *("deleteHoliday", case, "DELETE", where, "admin", status, body),
            given=Scene.have_holiday,
        )

    one = ok([_holiday()])
    unknown = error("Holiday not found")
    return [
        *(
            listed(f"of its days, as {who}", who, "from=<monday>&to=<tuesday>", 200, one)
            for who in ("teacher", "student")
        ),
        listed("of its last day", "student", "from=<tuesday>&to=<tuesday>", 200, one),
        listed("of the day after", "student", "from=<wednesday>&to=<wednesday>", 200, ok([])),
        listed("behind the last", "student", f"after={LAST}", 200, ok([])),
        listed("to before from", "student", "from=<tuesday>&to=<monday>", 400, INVALID),
        listed("from no day", "student", "from=2026-02-30", 400, INVALID),
        listed("limit 0", "student", "limit=0", 400, INVALID),
        listed("after no id", "student", "after=x", 400, INVALID),
        created("of two days", 201, ok(_holiday(_id=ID)), SPAN),
        *(created(case, 400, INVALID, {**SPAN, **bad}) for case, bad in BAD_SPANS.items()),
        deleted("by hand", 200, ok(_holiday())),
        deleted("unknown", 404, unknown, "<missing>"),
        deleted("no id", 404, unknown, "x"),
    ]


def _imports() -> list[Row]:
    path = f"{BASE}/imports"

    def sent(case: str, status: int, body: Json, **fields: Json) -> Row:
        good = {"source": "s-<fresh>", "calendar": HOLIDAYS}
        return Row("importHolidays", case, "POST", path, "admin", status, body, {**good, **fields})

    def refused(case: str, message: str, before: str, after: str) -> Row:
        field = {"field": "calendar", "code": error(message)["code"], "message": message}
        body = {**error(message), "errors": [field]}
        return sent(case, 400, body, calendar=HOLIDAYS.replace(before, after))

    def others(
        name: str,
        case: str,
        method: str,
        at: str,
        status: int,
        body: Json,
    ) -> Row:
        where = f"{path}{at}"
        return Row(name, case, method, where, "admin", status, body, given=Scene.have_import)

    done = {"source": "s-<fresh>", "holidays": 1, "importedAt": TIME}
    each = ListOf({"source": TEXT, "holidays": NUMBER, "importedAt": TIME})
    start = "DTSTART;VALUE=DATE:20260403"
    events = HOLIDAYS.partition("BEGIN:VEVENT")[2].partition("END:VCALENDAR")[0]
    daily = f"{start}\r\nRRULE:FREQ=DAILY"
    twice = f"{events}BEGIN:VEVENT{events.replace('Friday', 'day')}"
    return [
        sent("a file", 200, ok(done)),
        sent(
            "a file without events",
            200,
            ok({**done, "holidays": 0}),
            calendar=HOLIDAYS.replace(f"BEGIN:VEVENT{events}", ""),
        ),
        refused("another file", "calendar is no iCalendar file", HOLIDAYS, "<html></html>"),
        refused("half a file", "calendar is no iCalendar file", "END:VEVENT", ""),
        refused("no start", "calendar has an event that cannot be read", f"{start}\r\n", ""),
        refused(
            *("another zone", "calendar has an unknown time zone"),
            *(start, "DTSTART;TZID=Mars/Olympus:20260403T080000"),
        ),
        refused(
            *("every second", "calendar repeats events too often"),
            *(start, f"{start}\r\nRRULE:FREQ=SECONDLY"),
        ),
        refused(
            *("every day for years", "calendar has too many events"),
            *(events, twice.replace(start, daily.replace("2026", "2010"))),
        ),
        sent("source in capitals", 400, INVALID, source="S"),
        sent("source empty", 400, INVALID, source=""),
        sent("calendar empty", 400, INVALID, calendar=""),
        sent("calendar null", 400, INVALID, calendar=None),
        others("listImports", "all", "GET", "?limit=500", 200, ok(each)),
        others("listImports", "behind the last", "GET", f"?after={'z' * 64}", 200, ok([])),
        others("listImports", "limit 0", "GET", "?limit=0", 400, INVALID),
        others("listImports", "after no name", "GET", "?after=!", 400, INVALID),
        others("deleteImport", "one", "DELETE", "/s-<fresh>", 200, ok(done)),
        others("deleteImport", "unknown", "DELETE", "/<fresh>", 404, error("Import not found")),
    ]


MEETING = {
    "_id": ID,
    "classId": "<class>",
    "weekday": 1,
    "from": "09:45",
    "to": "11:15",
    "room": None,
    "termId": None,
}
TIMES = {"weekday": 1, "from": "09:45", "to": "11:15"}
NOT_IN_CLASS = error("Forbidden, not in the class")


def _read(operation: str, path: str, expected: Json) -> list[Row]:
    """Return the rows of a list that everybody of the class reads, and administrators."""

    def row(case: str, who: str, status: int, body: Json, at: str = path) -> Row:
        return Row(operation, case, "GET", at, who, status, body, given=Scene.have_meeting)

    return [
        *(row(f"as {who}", who, 200, ok(expected)) for who in ("teacher", "student", "admin")),
        row("a student of no class", "outsider", 403, NOT_IN_CLASS),
        *owned(operation, "GET", path),
    ]


def _meetings() -> list[Row]:
    def added(
        case: str,
        who: str,
        status: int,
        body: Json,
        given: Given = None,
        **fields: Json,
    ) -> Row:
        sent = {**TIMES, **fields}
        return Row("addMeeting", case, "POST", MEETINGS, who, status, body, sent, given)

    def deleted(
        case: str,
        who: str,
        status: int,
        body: Json,
        at: str = f"{MEETINGS}/<meeting_id>",
    ) -> Row:
        return Row(
            *("deleteMeeting", case, "DELETE", at, who, status, body),
            given=Scene.have_meeting_and_share,
        )

    stored = {**MEETING, "_id": "<meeting_id>", "termId": "<term_id>"}
    unknown = error("Meeting not found")
    bad: dict[str, dict[str, Json]] = {
        "weekday 0": {"weekday": 0},
        "weekday 8": {"weekday": 8},
        "weekday a name": {"weekday": "Monday"},
        "from no time": {"from": "9:45"},
        "from after the day": {"from": "24:00"},
        "over midnight": {"from": "23:00", "to": "01:00"},
        "without a duration": {"to": "09:45"},
        "room empty": {"room": ""},
        "term no id": {"termId": "x"},
        "term null": {"termId": None},
    }
    return [
        *_read("listMeetings", MEETINGS, [stored]),
        Row("listMeetings", "none", "GET", MEETINGS, "teacher", 200, ok([])),
        added("of every term", "teacher", 201, ok(MEETING)),
        added("as administrator", "admin", 201, ok(MEETING)),
        added("as a co-teacher", "stranger", 201, ok(MEETING), Scene.share),
        added(
            *("of a term", "teacher", 201, ok({**MEETING, "room": "B 12", "termId": "<term_id>"})),
            *(Scene.have_term,),
            room=" B 12 ",
            termId="<TERM_ID>",
        ),
        added("unknown term", "teacher", 404, error("Term not found"), termId="<missing>"),
        *(added(case, "teacher", 400, INVALID, **fields) for case, fields in bad.items()),
        *owned("addMeeting", "POST", MEETINGS, TIMES),
        deleted("as teacher", "teacher", 200, ok(stored)),
        deleted("as a co-teacher", "stranger", 200, ok(stored)),
        deleted("as administrator", "admin", 200, ok(stored)),
        deleted("unknown", "teacher", 404, unknown, f"{MEETINGS}/<missing>"),
        deleted("no id", "teacher", 404, unknown, f"{MEETINGS}/x"),
        deleted(
            *("of another class", "teacher", 404, unknown),
            "/api/v1/class/<other>/meetings/<meeting_id>",
        ),
        *owned("deleteMeeting", "DELETE", f"{MEETINGS}/<missing>"),
    ]


PLANNED = {
    "date": "<monday>",
    "from": "09:45",
    "to": "11:15",
    "startsAt": TIME,
    "endsAt": TIME,
    "room": None,
    "meetingId": "<meeting_id>",
    "termId": "<term_id>",
}


def _planned() -> list[Row]:
    days = f"{PLANS}?from=<monday>&to=<wednesday>"

    def row(case: str, query: str, status: int, body: Json, given: Given) -> Row:
        path = f"{PLANS}?{query}"
        return Row("listPlannedMeetings", case, "GET", path, "teacher", status, body, given=given)

    meeting = Scene.have_meeting
    return [
        *_read("listPlannedMeetings", days, [PLANNED]),
        row("after the term", "from=<wednesday>", 200, ok([]), meeting),
        row("up to the Monday", "to=<monday>", 200, ok([PLANNED]), meeting),
        row(
            "on a holiday", "from=<monday>&to=<monday>", 200, ok([]), Scene.have_meeting_on_holiday
        ),
        row("to before from", "from=<tuesday>&to=<monday>", 400, INVALID, None),
        row("more than a year", "from=2026-01-01&to=2027-01-02", 400, INVALID, None),
        row("a hundred years", "from=2026-01-01&to=2126-01-01", 400, INVALID, None),
        row("from no day", "from=monday", 400, INVALID, None),
    ]


def _not_taken() -> list[Row]:
    # The class of the row is the newest of its teacher, and comes behind the other one.
    asked = "date=<monday>&after=<other>&limit=1"

    def row(
        case: str, who: str, query: str, status: int, body: Json, given: Given = Scene.have_meeting
    ) -> Row:
        path = f"/api/v1/attendance/not-taken?{query}"
        return Row("listNotTaken", case, "GET", path, who, status, body, given=given)

    found = ok([{"classId": "<class>", "className": "<name>", "meetings": [PLANNED]}])
    return [
        row("as teacher", "teacher", asked, 200, found),
        row("as administrator", "admin", asked, 200, found),
        row("as a co-teacher", "stranger", asked, 200, found, Scene.have_meeting_and_share),
        row("a holiday", "teacher", asked, 200, ok([]), Scene.have_meeting_on_holiday),
        row("no term", "teacher", "date=<wednesday>", 200, ok([])),
        row("of others", "stranger", "date=<monday>&after=<other>", 200, ok([])),
        row("behind the last", "teacher", f"date=<monday>&after={LAST}", 200, ok([])),
        row("date no day", "teacher", "date=2026-02-30", 400, INVALID, None),
        row("date empty", "teacher", "date=", 400, INVALID, None),
        row("limit 0", "teacher", "limit=0", 400, INVALID, None),
        row("after no id", "teacher", "after=x", 400, INVALID, None),
    ]
