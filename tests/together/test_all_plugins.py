"""With every bundled plugin on, a base client is answered what a plain server answers."""

from __future__ import annotations

import inspect
import re
import uuid
from collections import defaultdict

import pymongo
import pytest

from quartapp import core
from quartapp.http.operation import operation_of
from quartapp.http.routes import routes
from quartapp.testing.databases import with_database
from quartapp_auth import BaseRole, UserService
from tests.support.plugins import OPTIONAL

# What says what a server offers, or has done, is meant to say more.
ABOUT_ITSELF = {
    *("/openapi.json", "/asyncapi.json", "/metrics", "/api/v1/admin/audit"),
    *("/api/v1/capabilities", "/api/v1/attendance/statuses", "/api/v1/me/export"),
    "/api/v1/admin/people/{user_id}/erase",
}
# An answer that goes on for as long as somebody reads.
ENDLESS = "text/event-stream"
# These routes need a server on which not everybody may register, or a mail server; or they pack the
# ids of their server, and the tests of the reports plugin read them back.
NEVER = {
    *(("POST", f"/api/v1/auth/{path}") for path in ("setup", "forgot")),
    *(("GET", f"/api/v1/class/{{}}/{kind}.xlsx") for kind in ("register", "report")),
}
# Routes that end the token of the request, and then all tokens of the account.
ENDING = ("/api/v1/auth/logout", "/api/v1/auth/logout-all")
PASSWORD = "correct horse"
TERM = {"from": "2026-03-01", "to": "2026-03-31"}
TIMES = {"from": "09:45", "to": "11:15"}
HOLIDAYS = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
MISSING = "0" * 24
PARAMETERS = (
    *("class_id", "student_id", "user_id", "invitation_id", "session_id"),
    *("term_id", "holiday_id", "meeting_id", "source", "entry_id"),
)
# A roll call on paper, and what is said of it.
PAPER = {"date": "{today}", "records": [{"studentId": "{grace}", "status": "present"}]}
NOT_HELD = {"cancelled": True, "reason": "Snow"}
RECORDS = "/api/v1/session/{session}/attendance"
# On a day without sessions.
SICK = {"date": "2026-03-02", "studentIds": ["{grace}"], "status": "absent", "reason": "ill"}
SLIP = {"status": "absent", "v": 1, "reason": "a slip"}
# In the order in which they sign in.
PEOPLE = ("ada", "alan", "grace", "mary", "root")

# Who, how, where, and what is sent. Words in braces were answered before.
STORY = (
    (None, "GET", "/healthz", None),
    (None, "GET", "/readyz", None),
    (None, "GET", "/docs", None),
    (None, "GET", "/docs/websocket", None),
    *(
        (
            None,
            "POST",
            "/api/v1/auth/register",
            {"name": name, "email": f"{name}@school.example", "password": PASSWORD, "role": role},
        )
        for name, role in (
            ("Ada", "teacher"),
            ("Alan", "teacher"),
            ("Grace", "student"),
            ("Mary", "student"),
            ("Ada", "student"),
        )
    ),
    (None, "POST", "/api/v1/auth/register", {"name": "Ada"}),
    *(
        (None, "POST", "/api/v1/auth/setup", {"code": "x", "name": "Ada", **more})
        for more in ({}, {"email": "eve@school.example", "password": PASSWORD})
    ),
    *(
        (None, "POST", "/api/v1/auth/login", {"email": f"{name}@school.example", "password": word})
        for name, word in (
            *((name, PASSWORD) for name in PEOPLE),
            ("ada", "wrong"),
            ("nobody", PASSWORD),
        )
    ),
    ("ada", "GET", "/api/v1/auth/me", None),
    ("grace", "GET", "/api/v1/auth/me", None),
    ("root", "GET", "/api/v1/auth/me", None),
    *(
        ("mary", "POST", "/api/v1/auth/password", {"password": old, "newPassword": PASSWORD})
        for old in (PASSWORD, "wrong")
    ),
    ("root", "POST", "/api/v1/admin/invitations", {"role": "teacher"}),
    ("ada", "POST", "/api/v1/admin/invitations", {"role": "teacher"}),
    ("root", "GET", "/api/v1/admin/invitations", None),
    ("root", "DELETE", "/api/v1/admin/invitations/{invitation}", None),
    ("ada", "GET", "/api/v1/admin/audit", None),
    ("root", "POST", "/api/v1/admin/people", {"name": "Kay", "username": "kay", "role": "student"}),
    ("root", "POST", "/api/v1/admin/people", {"name": "Kay", "role": "student"}),
    ("ada", "POST", "/api/v1/admin/people", {"name": "Kay", "username": "kay", "role": "admin"}),
    ("root", "GET", "/api/v1/admin/people?search=k&role=student&limit=2", None),
    ("root", "POST", "/api/v1/admin/classes", {"className": "Physics", "teacherId": "{ada}"}),
    ("ada", "POST", "/api/v1/admin/classes", {"className": "Physics", "teacherId": "{ada}"}),
    ("root", "GET", "/api/v1/admin/people/{kay}", None),
    ("root", "POST", "/api/v1/admin/people/{kay}/disable", None),
    ("root", "POST", "/api/v1/admin/people/{root}/disable", None),
    ("root", "POST", "/api/v1/admin/people/{kay}/enable", None),
    ("root", "POST", "/api/v1/admin/people/{kay}/revoke", None),
    ("root", "PUT", "/api/v1/admin/people/{kay}/role", {"role": "teacher"}),
    ("root", "PUT", "/api/v1/admin/people/{root}/role", {"role": "teacher"}),
    ("root", "PUT", "/api/v1/admin/people/{kay}/password", {"password": PASSWORD}),
    ("root", "POST", "/api/v1/admin/people/{kay}/reset", None),
    (None, "POST", "/api/v1/auth/forgot", {"email": "mary@school.example"}),
    *(
        (None, "POST", "/api/v1/auth/reset", {"code": "{code}", "newPassword": PASSWORD})
        for _ in range(2)
    ),
    *(
        ("root", "POST", f"/api/v1/calendar/{kind}", {"name": name, "from": day, "to": day})
        for kind, name, day in (
            ("terms", "spring", "2026-03-02"),
            ("terms", "autumn", "2026-03-02"),
            ("holidays", "easter", "2026-04-05"),
        )
    ),
    ("ada", "POST", "/api/v1/calendar/terms", {"name": "mine"}),
    ("root", "PUT", "/api/v1/calendar/terms/{spring}", {"name": "x", **TERM}),
    *(("grace", "GET", f"/api/v1/calendar/{kind}", None) for kind in ("terms", "holidays")),
    ("root", "DELETE", "/api/v1/calendar/holidays/{easter}", None),
    ("root", "POST", "/api/v1/calendar/imports", {"source": "state", "calendar": HOLIDAYS}),
    ("root", "POST", "/api/v1/calendar/imports", {"source": "state", "calendar": "nonsense"}),
    ("root", "GET", "/api/v1/calendar/imports", None),
    ("root", "DELETE", "/api/v1/calendar/imports/{state}", None),
    ("ada", "GET", "/api/v1/class", None),
    ("ada", "POST", "/api/v1/class/create-class", {"className": "Maths"}),
    ("ada", "POST", "/api/v1/class", {"className": "Music"}),
    ("ada", "POST", "/api/v1/class", {"className": "maths"}),
    ("ada", "POST", "/api/v1/class", {"className": "x"}),
    ("grace", "POST", "/api/v1/class", {"className": "Mine"}),
    ("ada", "GET", "/api/v1/class/students", None),
    ("ada", "GET", "/api/v1/class/students?search=gr&limit=1", None),
    ("ada", "GET", "/api/v1/class/students?limit=0", None),
    *(
        (who, "POST", "/api/v1/class/{maths}/add-student", {"studentId": student})
        for who, student in (
            ("ada", "{grace}"),
            ("ada", "{mary}"),
            ("ada", "{grace}"),
            ("ada", "{alan}"),
            ("ada", "nonsense"),
            ("alan", "{grace}"),
        )
    ),
    *((who, "GET", "/api/v1/class/{maths}", None) for who in ("ada", "alan", "grace")),
    *((who, "GET", "/api/v1/class/{maths}/roll", None) for who in ("ada", "alan", "grace")),
    ("ada", "PUT", "/api/v1/class/{music}/teachers/{alan}", None),
    ("ada", "PUT", "/api/v1/class/{music}/teachers/{alan}", {"until": "9999-12-31"}),
    *((who, "GET", "/api/v1/class/{music}/teachers", None) for who in ("ada", "alan", "grace")),
    ("alan", "GET", "/api/v1/class", None),
    ("ada", "DELETE", "/api/v1/class/{music}/teachers/{ada}", None),
    ("ada", "DELETE", "/api/v1/class/{music}/teachers/{alan}", None),
    ("root", "GET", "/api/v1/admin/classes?search=m&limit=2", None),
    ("ada", "GET", "/api/v1/admin/classes", None),
    ("root", "PUT", "/api/v1/class/{music}/teachers/{root}", None),
    ("root", "DELETE", "/api/v1/class/{music}/teachers/{root}", None),
    *(
        (who, "POST", "/api/v1/class/{maths}/meetings", {"weekday": 1, **TIMES})
        for who in ("ada", "alan", "grace")
    ),
    *((who, "GET", "/api/v1/class/{maths}/meetings", None) for who in ("grace", "alan", "root")),
    ("grace", "GET", "/api/v1/class/{maths}/planned-meetings?from=2026-03-01", None),
    *(
        (who, "GET", "/api/v1/attendance/not-taken?date=2026-03-02", None)
        for who in ("ada", "alan", "root", "grace")
    ),
    *(
        (who, "GET", f"/api/v1/attendance/absences{more}?date=2026-03-02", None)
        for who in ("ada", "root")
        for more in ("", "/entered")
    ),
    ("root", "POST", "/api/v1/attendance/absences", {}),
    ("root", "POST", "/api/v1/attendance/absences", SICK),
    ("root", "DELETE", "/api/v1/attendance/absences/entered/x/students/y", None),
    ("root", "DELETE", "/api/v1/attendance/absences/entered/{entry}/students/{grace}", None),
    ("ada", "DELETE", "/api/v1/class/{maths}/meetings/{meeting}", None),
    ("root", "DELETE", "/api/v1/calendar/terms/{spring}", None),
    ("grace", "GET", "/api/v1/class/{music}", None),
    ("grace", "GET", "/api/v1/attendance/{maths}/my-attendance", None),
    ("ada", "GET", "/api/v1/attendance/session", None),
    ("ada", "POST", "/api/v1/attendance/start", {"className": "maths"}),
    ("ada", "POST", "/api/v1/attendance/start", {}),
    ("alan", "POST", "/api/v1/attendance/start", {"classId": "{maths}"}),
    ("ada", "SEND", "ATTENDANCE_MARKED", {"studentId": "{grace}", "status": "present"}),
    ("ada", "SEND", "ATTENDANCE_MARKED", {"studentId": "{alan}", "status": "present"}),
    ("ada", "SEND", "ATTENDANCE_MARKED", {"studentId": "{grace}", "status": "no status"}),
    ("grace", "SEND", "ATTENDANCE_MARKED", {"studentId": "{grace}", "status": "present"}),
    ("grace", "SEND", "MY_ATTENDANCE", None),
    ("mary", "SEND", "MY_ATTENDANCE", None),
    ("ada", "SEND", "MY_ATTENDANCE", None),
    ("ada", "SEND", "TODAY_SUMMARY", {}),
    ("ada", "SEND", "NOTHING", None),
    *((who, "GET", "/api/v1/attendance/session", None) for who in ("ada", "grace", "mary")),
    ("ada", "DELETE", "/api/v1/class/{maths}", None),
    ("ada", "SEND", "DONE", None),
    ("ada", "SEND", "DONE", None),
    *(
        (who, "GET", "/api/v1/attendance/{maths}/my-attendance", None)
        for who in ("grace", "mary", "ada")
    ),
    ("ada", "POST", "/api/v1/class/{maths}/sessions", PAPER),
    ("ada", "POST", "/api/v1/class/{maths}/sessions", {"date": "9999-12-31", **NOT_HELD}),
    ("alan", "POST", "/api/v1/class/{maths}/sessions", {"date": "{today}", **NOT_HELD}),
    ("ada", "POST", "/api/v1/attendance/start", {"classId": "{maths}"}),
    ("ada", "POST", "/api/v1/attendance/start", {"classId": "{music}"}),
    ("ada", "SEND", "DONE", None),
    *(
        (who, "GET", "/api/v1/class/{maths}/sessions", None)
        for who in ("ada", "alan", "grace", "root")
    ),
    *(
        (who, "GET", f"/api/v1/class/{{maths}}/{what}?from={{today}}&to={{today}}", None)
        for what in (
            *("register", "register.csv", "register.html"),
            *("report", "report.csv", "report.html", "warnings"),
        )
        for who in ("ada", "alan", "grace", "root")
    ),
    *(
        (who, "GET", path, None)
        for path in ("/api/v1/student/{grace}/attendance", "/api/v1/me/attendance")
        for who in ("ada", "alan", "grace", "root")
    ),
    ("ada", "POST", "/api/v1/session/{superseded}/finish", None),
    ("ada", "POST", "/api/v1/session/{session}/finish", None),
    *(
        (who, "GET", "/api/v1/session/{session}", None)
        for who in ("ada", "alan", "grace", "mary", "root")
    ),
    *(("ada", "PATCH", f"{RECORDS}/{{grace}}", SLIP) for _ in range(2)),
    ("ada", "PATCH", RECORDS, {"records": [{"studentId": "{grace}", **SLIP}]}),
    ("grace", "GET", f"{RECORDS}/{{grace}}", None),
    ("ada", "GET", f"{RECORDS}/{{grace}}/history", None),
    ("root", "PATCH", f"{RECORDS}/{{grace}}", {**SLIP, "v": 2}),
    ("ada", "PATCH", f"{RECORDS}/{{grace}}", {**SLIP, "v": 3}),
    ("root", "PUT", "/api/v1/admin/record-lock", {"through": None}),
    ("root", "GET", "/api/v1/admin/record-lock", None),
    ("ada", "PATCH", "/api/v1/class/{maths}", {"className": "Algebra"}),
    ("ada", "PATCH", "/api/v1/class/{maths}", {"className": "Music"}),
    ("ada", "DELETE", "/api/v1/class/{maths}/students/{mary}", None),
    ("ada", "DELETE", "/api/v1/class/{maths}/students/{mary}", None),
    ("ada", "DELETE", "/api/v1/class/{maths}", None),
    ("ada", "DELETE", "/api/v1/class/{maths}?records=delete", None),
    ("ada", "GET", "/api/v1/class", None),
)


@pytest.fixture
def other_database(quartapp_mongodb):
    """Provide a second empty database, so that each server begins without data."""
    name = f"quartapp_test_{uuid.uuid4().hex[:16]}"
    yield with_database(quartapp_mongodb, name)
    with pymongo.MongoClient(quartapp_mongodb) as client:
        client.drop_database(name)


def ends(step):
    """Sorts routes: first those that end no token, and last the one that ends all of an account."""
    return ENDING.index(step[1]) if step[1] in ENDING else -1


class Walk:
    """One server, walked through by people who remember what they were answered."""

    def __init__(self, server):
        self._server = server
        today = core(server.app).local_day().isoformat()
        self._words = {"state": "state", "today": today}
        self._headers = {None: {}}
        self._sockets = {}
        self._names = {}

    async def through_the_story(self):
        users = core(self._server.app).services.get(UserService)
        await users.register("Root", "root@school.example", PASSWORD, BaseRole.ADMIN)
        return [await self._told(*step) for step in STORY]

    async def of_every_role(self, paths):
        """Each route as everybody, with a body that fits nothing and ids of nothing."""
        told = []
        ids = dict.fromkeys(PARAMETERS, MISSING)
        for method, path in sorted(paths, key=ends):
            for who in (None, "ada", "grace", "root"):
                for body in (None, {}, ["nonsense"]):
                    headers = self._further(who) if path in ENDING else self._headers[who]
                    answer = await self._server.api.request(
                        method, self._server.url + path.format(**ids), json=body, headers=headers
                    )
                    told.append(((who, method, path), self._plain(answer)))
        return told

    def _further(self, who):
        """The headers of a person with a token of their own."""
        if who is None:
            return {}
        tokens = core(self._server.app).tokens
        known = tokens.verify(self._headers[who]["Authorization"].removeprefix("Bearer "))
        return {"Authorization": f"Bearer {tokens.issue(known.id, known.role)}"}

    async def _told(self, who, method, place, sent):
        sent = self._filled(sent)
        if method == "SEND":
            return (who, place), await self._said(who, place, sent)
        answer = await self._server.api.request(
            method,
            self._server.url + self._filled(place),
            json=sent,
            headers=self._headers[who],
        )
        self._remember(who, answer)
        return (who, method, place), self._plain(answer)

    async def _said(self, who, event, data):
        if who not in self._sockets:
            token = self._headers[who]["Authorization"].removeprefix("Bearer ")
            self._sockets[who] = await self._server.socket(path=f"/ws?token={token}")
        socket = self._sockets[who]
        await socket.send(event, data)
        frames = await socket.drain()
        for frame in frames:
            # What the contract lets a plugin add, and nothing else.
            if frame["event"] in ("TODAY_SUMMARY", "DONE"):
                frame["data"].pop("statuses", None)
        return self._named(repr(frames))

    def _remember(self, who, answer):
        if answer.headers["content-type"] != "application/json" or not answer.is_success:
            return
        data = answer.json().get("data")
        if isinstance(data, list) and data and "outcome" in data[0]:
            self._words |= {one["outcome"]: one["_id"] for one in data}
        if isinstance(data, dict) and "outcome" in data:
            self._words.setdefault("session", data["_id"])
        elif isinstance(data, dict) and "_id" in data:
            unnamed = {"usedBy": "invitation", "weekday": "meeting"}
            name = data.get("name", data.get("className", ""))
            name = next((word for field, word in unnamed.items() if field in data), name)
            self._words.setdefault(name.lower(), data["_id"])
        if isinstance(data, dict) and "entry" in data:
            self._words["entry"] = data["entry"]["_id"]
        if isinstance(data, dict) and "code" in data:
            self._words["code"] = data["code"]
        if isinstance(data, dict) and "token" in data:
            # Who changes the password has a fresh token, and all others sign in.
            named = who or PEOPLE[len(self._headers) - 1]
            self._headers[named] = {"Authorization": f"Bearer {data['token']}"}

    def _filled(self, value):
        if isinstance(value, dict):
            return {name: self._filled(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self._filled(part) for part in value]
        return value.format(**self._words) if isinstance(value, str) else value

    def _plain(self, answer):
        """Status, headers and bytes; of what is different each time, only which one it is."""
        # A token may hold more than before, and so be longer.
        left_out = {"date", "x-request-id"}
        if "token" in answer.text:
            left_out.add("content-length")
        headers = {name: text for name, text in answer.headers.items() if name not in left_out}
        if "etag" in headers:
            headers["etag"] = "<tag>"  # made of ids and times
        return answer.status_code, headers, self._named(answer.text)

    def _named(self, text):
        text = re.sub(r"[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}", "<token>", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<time>", text)
        text = re.sub(r'"\d{4}-\d\d-\d\d"', '"<day>"', text)
        text = re.sub(r'"seq":\d+', '"seq":"<microseconds>"', text)
        text = re.sub(r'"invitation":"[\w-]{20,}"', '"invitation":"<invitation>"', text)
        text = re.sub(r'"ticket":"[\w-]{22}"', '"ticket":"<ticket>"', text)
        text = re.sub(r'"code":"(?:[0-9A-Z]{2,4}-){6}[0-9A-Z]{2}"', '"code":"<code>"', text)
        text = re.sub(r'"requestId":"[\w.-]+"', '"requestId":"<request>"', text)
        return re.sub(
            r"\b[0-9a-f]{24}\b",
            lambda found: self._names.setdefault(found[0], f"<id {len(self._names)}>"),
            text,
        )


async def test_base_answers_with_all_bundled_plugins_are_those_of_a_plain_server(
    serve, other_database
):
    plain = await serve()
    full = await serve(extra_plugins=OPTIONAL, mongodb_uri=other_database)
    base = [
        (route.method, route.path)
        for route in routes(plain.app)
        if route.operation.documented
        and route.path not in ABOUT_ITSELF
        and route.operation.media_type != ENDLESS
    ]
    assert len(routes(full.app)) > len(routes(plain.app))
    told = []
    for server in (plain, full):
        walk = Walk(server)
        told.append([*await walk.through_the_story(), *await walk.of_every_role(base)])

    for ours, theirs in zip(*told, strict=True):
        assert ours == theirs
    walked = {
        (step[1], re.sub(r"\{\w+\}", "{}", step[2].partition("?")[0]))
        for step, answer in told[0]
        if len(step) == 3 and 200 <= answer[0] < 300
    }
    expected = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in base}
    assert expected - walked == NEVER


async def test_two_routes_to_one_view_have_one_action(serve):
    app = (await serve(extra_plugins=OPTIONAL)).app
    actions = defaultdict(set)
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        operation = operation_of(view)
        if operation is not None:
            actions[inspect.unwrap(view)].add(operation.action or operation.id)
    assert {"createClass"} in actions.values()
    assert {view.__qualname__: found for view, found in actions.items() if len(found) > 1} == {}
