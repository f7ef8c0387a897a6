"""The surroundings of a row of the table: people, classes, and earlier events."""

from __future__ import annotations

import json
import time
import uuid
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import jwt
from websockets.sync.client import connect

from quartapp_contract_suite.people import PASSWORD, days_ago

if TYPE_CHECKING:
    from quartapp_contract_suite.people import People, Person

API = "/api/v1"
MISSING_ID = "0" * 24
HOUR = 3600
SOCKET_SECONDS = 60.0
CORRECTION = {"status": "absent", "v": 1, "reason": "a slip"}
# A day on which no institution has roll calls, but for those of the office's rows.
MISSED_DAY = "1999-01-07"
# Years in which no institution has a term.
_FIRST_MONDAY, _WEEKS = date(1100, 1, 1), 70_000
HOLIDAYS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//contract//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    "DTSTART;VALUE=DATE:20260403\r\nSUMMARY:Good Friday\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


class Cast:
    """The people of all scenes.

    ``teacher`` has a class with ``student`` on the roll. ``stranger`` is another teacher.
    ``outsider`` is a student outside that class, whom rows may add to their class. ``newcomer`` is
    a student whom no row adds to a class. ``leaver`` is a student whose token a row may end.
    ``admin`` is an administrator, or None in a run without one, which leaves out what needs one.
    """

    def __init__(self, people: People, admin: Person | None = None) -> None:
        self.people = people
        self.admin = admin
        self.teacher = people.teacher("Ada Lovelace")
        self.stranger = people.teacher("Alan Turing")
        self.student = people.student("Grace Hopper")
        self.outsider = people.student("Mary Jackson")
        self.newcomer = people.student("Katherine Johnson")
        self.leaver = people.student("Dorothy Vaughan")

    def named(self, name: str) -> Person:
        """Return the person with the name ``name`` in rows."""
        person: Person = getattr(self, name)
        return person


class Scene:
    """One row's surroundings: a class of its own, and the words that stand for ids and names.

    Args:
        cast: The people.
        base_url: Address of the server, without a path.
    """

    def __init__(self, cast: Cast, base_url: str) -> None:
        self.cast = cast
        self.people = cast.people
        self.base_url = base_url
        fresh = uuid.uuid4().hex
        # A Monday that no other scene has: days of the calendar belong to everybody.
        monday = _FIRST_MONDAY + timedelta(weeks=int(fresh[:8], 16) % _WEEKS)
        self.words = {
            "fresh": fresh,
            "name": f"Logic {fresh}",
            "taken": f"Algebra {fresh}",
            "missing": MISSING_ID,
            "yesterday": days_ago(1),
            # In the next two, a day of UTC has begun in some time zone.
            "in_three_days": days_ago(-3),
            "monday": monday.isoformat(),
            "tuesday": (monday + timedelta(days=1)).isoformat(),
            "wednesday": (monday + timedelta(days=2)).isoformat(),
            **{
                f"{name}_id": cast.named(name).id
                for name in ("teacher", "stranger", "student", "outsider")
            },
            **{
                f"{name}_email": cast.named(name).email
                for name in ("teacher", "stranger", "student", "outsider")
            },
        }
        if cast.admin is not None:
            self.words["admin_id"] = cast.admin.id
        self.words["other"] = cast.people.class_of(cast.teacher, name=self.words["taken"])
        self.words["class"] = cast.people.class_of(
            cast.teacher, cast.student, name=self.words["name"]
        )
        self.words["foreign"] = cast.people.class_of(cast.stranger, name=f"Cryptography {fresh}")

    def filled(self, value: Any) -> Any:  # noqa: ANN401 - JSON, with words in angle brackets
        """Return ``value`` with the meaning of each ``<word>``; ``<WORD>`` gives capitals."""
        if isinstance(value, str):
            for word, meaning in self.words.items():
                value = value.replace(f"<{word}>", meaning)
                value = value.replace(f"<{word.upper()}>", meaning.upper())
            return value
        if isinstance(value, dict):
            return {self.filled(key): self.filled(item) for key, item in value.items()}
        return [self.filled(item) for item in value] if isinstance(value, list) else value

    def welcome_leaver(self) -> None:
        """Let another student be the leaver."""
        self.cast.leaver = self.people.student("Dorothy Vaughan")

    def invite(self) -> None:
        """Let the administrator invite a teacher with a fresh address."""
        address = self.filled("<fresh>@school.example")
        made = self._as_admin("POST", "/invitations", {"role": "teacher", "email": address})
        self.words |= {"invitation_id": made["_id"], "invitation": made["invitation"]}

    def invite_and_revoke(self) -> None:
        """Let the administrator invite a teacher, and revoke the invitation."""
        self.invite()
        self._as_admin("DELETE", f"/invitations/{self.words['invitation_id']}")

    def invite_and_use(self) -> None:
        """Invite a teacher, and register with the invitation."""
        self.invite()
        self.people.register(
            "Ada", self.filled("<fresh>@school.example"), invitation=self.words["invitation"]
        )

    def employ(self) -> None:
        """Let the administrator make the account of a teacher with a fresh address."""
        body = {"name": "Ada", "email": "<fresh>@school.example", "role": "teacher"}
        made = self._as_admin("POST", "/people", self.filled(body))
        self.words["person_id"] = made["_id"]

    def employ_and_disable(self) -> None:
        """Let the administrator make the account of a teacher, and disable it."""
        self.employ()
        self._as_admin("POST", f"/people/{self.words['person_id']}/disable")

    def offer_reset(self) -> None:
        """Let the administrator make an account, and a one-time code for it."""
        self.employ()
        self._offer()

    def offer_reset_in_other_letters(self) -> None:
        """Make a one-time code, and write it in small letters with blanks."""
        self.offer_reset()
        self.words["code"] = f" {self.words['code'].lower().replace('-', ' ').replace('0', 'o')}"

    def offer_reset_and_use(self) -> None:
        """Make a one-time code, and set a password with it."""
        self.offer_reset()
        body = {"code": self.words["code"], "newPassword": PASSWORD}
        answer = self.people.http.post(f"{API}/auth/reset", json=body)
        assert answer.status_code == 200, answer.text

    def offer_reset_twice(self) -> None:
        """Make a one-time code, and another for the same person."""
        self.offer_reset()
        first = self.words["code"]
        self._offer()
        self.words["code"] = first

    def offer_reset_and_change(self) -> None:
        """Make a one-time code, and let the administrator set a password."""
        self.offer_reset()
        path = f"/people/{self.words['person_id']}/password"
        self._as_admin("PUT", path, {"password": PASSWORD})

    def _offer(self) -> None:
        made = self._as_admin("POST", f"/people/{self.words['person_id']}/reset")
        self.words["code"] = made["code"]

    def have_term(self) -> None:
        """Let the administrator make a term of a Monday and a Tuesday."""
        self.words["term_id"] = self._span("terms", "<monday>", "<tuesday>")

    def have_two_terms(self) -> None:
        """Let the administrator make a term, and another of the Wednesday."""
        self.have_term()
        self._span("terms", "<wednesday>", "<wednesday>")

    def have_holiday(self) -> None:
        """Let the administrator enter a holiday of a Monday and a Tuesday."""
        self.words["holiday_id"] = self._span("holidays", "<monday>", "<tuesday>")

    def have_import(self) -> None:
        """Let the administrator import a holiday."""
        self._by_admin("POST", "/calendar/imports", {"source": "s-<fresh>", "calendar": HOLIDAYS})

    def have_meeting(self) -> None:
        """Let the administrator make a term, in which the class meets on Mondays."""
        self.have_term()
        body = {"weekday": 1, "from": "09:45", "to": "11:15", "termId": "<term_id>"}
        made = self._by_admin("POST", "/class/<class>/meetings", body)
        self.words["meeting_id"] = made["_id"]

    def have_meeting_on_holiday(self) -> None:
        """Let the class meet on Mondays, and let the Monday be a holiday."""
        self.have_meeting()
        self.have_holiday()

    def have_meeting_and_share(self) -> None:
        """Let the class meet on Mondays, and make the stranger a co-teacher."""
        self.have_meeting()
        self.share()

    def _span(self, kind: str, first: str, last: str) -> str:
        body = {"name": "Days", "from": first, "to": last}
        made: dict[str, str] = self._by_admin("POST", f"/calendar/{kind}", body)
        return made["_id"]

    def _as_admin(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        return self._by_admin(method, f"/admin{path}", body)

    def _by_admin(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        assert self.cast.admin is not None
        answer = self.people.http.request(
            method,
            f"{API}{self.filled(path)}",
            json=None if body is None else self.filled(body),
            headers=self.cast.admin.headers,
        )
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def add_namesake(self) -> None:
        """Give the other teacher a class with the name of the class."""
        self.people.class_of(self.cast.stranger, name=self.words["name"])

    def start(self) -> None:
        """Start the class's session."""
        self.people.start(self.cast.teacher, self.words["class"])

    def mark(self) -> None:
        """Start the class's session, and mark the student present."""
        self.start()
        student = self.cast.student.id
        self._say(
            {"event": "ATTENDANCE_MARKED", "data": {"studentId": student, "status": "present"}}
        )

    def record(self) -> None:
        """Hold a session of the class, with the student present."""
        self.mark()
        self._say({"event": "DONE"})

    def miss(self) -> None:
        """Hold a session of the class without a mark for the student."""
        self.start()
        self._say({"event": "DONE"})

    def supersede(self) -> None:
        """Mark the student, and then start the session of another class."""
        self.mark()
        self.people.start(self.cast.teacher, self.words["other"])

    def supersede_unmarked(self) -> None:
        """Start a session without marks, and then the session of another class."""
        self.start()
        self.people.start(self.cast.teacher, self.words["other"])

    def mark_with_onlooker(self) -> None:
        """Mark the student in a class that has a second student without a mark."""
        self._enrol(self.cast.outsider)
        self.mark()

    def hold(self) -> None:
        """Hold a session of the class, with the student present, and learn its id."""
        self.record()
        self._learn_session()

    def hold_and_share(self) -> None:
        """Hold a session of the class, and make the stranger a co-teacher."""
        self.hold()
        self.share()

    def hold_superseded(self) -> None:
        """End a session without marks by the start of another, and learn its id."""
        self.supersede_unmarked()
        self._learn_session()

    def hold_and_finish(self) -> None:
        """End a session without marks by the start of another, and finish it."""
        self.hold_superseded()
        self._as_teacher("POST", f"/session/{self.words['session']}/finish")

    def hold_long_ago(self) -> None:
        """Enter a roll call of two days ago, with the student present."""
        student = {"studentId": self.cast.student.id, "status": "present"}
        made = self._as_teacher(
            "POST",
            f"/class/{self.words['class']}/sessions",
            {"date": days_ago(2), "records": [student]},
        )
        self.words["session"] = made["_id"]

    def enter_absence(self) -> None:
        """Enter a roll call without the student, and let the administrator enter the reason."""
        student = {"studentId": self.cast.student.id, "status": "absent"}
        body = {"date": MISSED_DAY, "records": [student]}
        self._by_admin("POST", "/class/<class>/sessions", body)
        entered = {
            "date": MISSED_DAY,
            "studentIds": [self.cast.student.id],
            "status": "absent",
            "reason": "Called in sick",
        }
        made = self._by_admin("POST", "/attendance/absences", entered)
        self.words["entry_id"] = made["entry"]["_id"]

    def attend(self) -> None:
        """Enter a roll call of yesterday in a class of the leaver alone, who was present."""
        self.welcome_leaver()
        leaver, name = self.cast.leaver, f"Rhetoric {self.words['fresh']}"
        room = self.people.class_of(self.cast.teacher, leaver, name=name)
        records = [{"studentId": leaver.id, "status": "present"}]
        body = {"date": self.words["yesterday"], "records": records}
        self._as_teacher("POST", f"/class/{room}/sessions", body)
        self.words |= {"leaver_id": leaver.id, "attended": room, "attended_name": name}

    def hold_none(self) -> None:
        """Let the session be one that does not exist."""
        self.words["session"] = MISSING_ID

    def hold_and_correct(self) -> None:
        """Hold a session, and correct the student's record to absent."""
        self.hold()
        self._as_teacher("PATCH", self._record_path(), CORRECTION)

    def hold_by_office(self) -> None:
        """Hold a session, and let the administrator correct the student's record."""
        self.hold()
        assert self.cast.admin is not None
        self._sent(self.cast.admin, "PATCH", self._record_path(), CORRECTION)

    def lock(self) -> None:
        """Let the administrator lock records of the day before the first."""
        self._as_admin("PUT", "/record-lock", {"through": "1970-01-01"})

    def _record_path(self) -> str:
        return f"/session/{self.words['session']}/attendance/{self.cast.student.id}"

    def _learn_session(self) -> None:
        (found,) = self._as_teacher("GET", f"/class/{self.words['class']}/sessions")
        self.words["session"] = found["_id"]

    def _as_teacher(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        return self._sent(self.cast.teacher, method, path, body)

    def _sent(self, person: Person, method: str, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
        answer = self.people.http.request(method, f"{API}{path}", json=body, headers=person.headers)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def leave_after_record(self) -> None:
        """Make a record of the student, who then leaves the class and comes back."""
        self.record()
        gone = self.people.http.delete(
            f"{API}/class/{self.words['class']}/students/{self.cast.student.id}",
            headers=self.cast.teacher.headers,
        )
        assert gone.status_code == 200, gone.text
        self._enrol(self.cast.student)

    def share(self) -> None:
        """Make the stranger a co-teacher of the class."""
        self._set_teacher({})

    def share_and_start(self) -> None:
        """Start the class's session, and make the stranger a co-teacher."""
        self.start()
        self.share()

    def hand_over(self) -> None:
        """Start the class's session, and hand the class over to the stranger."""
        self.start()
        self._set_teacher({"primary": True})

    def _set_teacher(self, setting: dict[str, Any]) -> None:
        changed = self.people.http.put(
            f"{API}/class/{self.words['class']}/teachers/{self.cast.stranger.id}",
            json=setting,
            headers=self.cast.teacher.headers,
        )
        assert changed.status_code == 200, changed.text

    def _enrol(self, student: Person) -> None:
        added = self.people.http.post(
            f"{API}/class/{self.words['class']}/add-student",
            json={"studentId": student.id},
            headers=self.cast.teacher.headers,
        )
        assert added.status_code == 201, added.text

    def _say(self, message: dict[str, Any]) -> None:
        """Send one message as the teacher, and wait for its broadcast."""
        address = self.base_url.replace("http", "ws", 1)
        with connect(f"{address}/ws?token={self.cast.teacher.token}", compression=None) as socket:
            socket.send(json.dumps(message))
            deadline = time.monotonic() + SOCKET_SECONDS
            while True:
                heard = json.loads(socket.recv(timeout=deadline - time.monotonic()))
                assert heard["event"] != "ERROR", heard
                if heard["event"] == message["event"]:
                    return


def forged_tokens(secret: str | None, person: Person) -> dict[str, str]:
    """Return invalid tokens by their flaw.

    Args:
        secret: The server's secret; None leaves out the tokens that need the secret.
        person: The person whom the tokens claim to identify.
    """
    now = int(time.time())
    good = {"id": person.id, "role": person.role, "iat": now, "exp": now + HOUR}
    other_key = "x" * 64
    tokens = {
        "no JWT": "not-a-token",
        "signed with another key": jwt.encode(good, other_key, algorithm="HS256"),
        "not signed": jwt.encode(good, "", algorithm="none"),
        "changed": person.token[:-6] + ("aaaaaa" if person.token[-6:] != "aaaaaa" else "bbbbbb"),
    }
    if secret is not None:
        expired = {**good, "iat": now - 2 * HOUR, "exp": now - HOUR}
        tokens |= {
            "expired": jwt.encode(expired, secret, algorithm="HS256"),
            "issued in an hour": jwt.encode(
                {**good, "iat": now + HOUR, "exp": now + 2 * HOUR}, secret
            ),
            "of another issuer": jwt.encode({**good, "iss": "another.example"}, secret),
            "of another algorithm": jwt.encode(good, secret, algorithm="HS512"),
            "without a role": jwt.encode(
                {key: value for key, value in good.items() if key != "role"}, secret
            ),
            "without an end": jwt.encode(
                {key: value for key, value in good.items() if key != "exp"}, secret
            ),
        }
    return tokens


def token_for(secret: str, person: Person, seconds: int) -> str:
    """Return a token of ``person`` that is valid for ``seconds`` from now on."""
    now = int(time.time())
    claims = {"id": person.id, "role": person.role, "iat": now, "exp": now + seconds}
    return jwt.encode(claims, secret, algorithm="HS256")


def token_of_deleted_account(secret: str) -> str:
    """Return a valid token for an account that does not exist."""
    now = int(time.time())
    claims = {"id": MISSING_ID, "role": "teacher", "iat": now, "exp": now + HOUR}
    return jwt.encode(claims, secret, algorithm="HS256")
