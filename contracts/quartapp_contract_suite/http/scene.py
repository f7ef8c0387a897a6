"""Where a row of the table plays: people, classes, and what happened before."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import jwt
from websockets.sync.client import connect

if TYPE_CHECKING:
    from quartapp_contract_suite.people import People, Person

API = "/api/v1"
MISSING_ID = "0" * 24
HOUR = 3600
SOCKET_SECONDS = 60.0


class Cast:
    """The people of all scenes.

    ``teacher`` has the class with ``student`` in it. ``stranger`` is another teacher, ``outsider``
    a student who is not in that class, and whom rows put into theirs. ``newcomer`` is in no class,
    in whatever order the rows run.
    """

    def __init__(self, people: People) -> None:
        self.people = people
        self.teacher = people.teacher("Ada Lovelace")
        self.stranger = people.teacher("Alan Turing")
        self.student = people.student("Grace Hopper")
        self.outsider = people.student("Mary Jackson")
        self.newcomer = people.student("Katherine Johnson")

    def named(self, name: str) -> Person:
        """The person whom a row calls ``name``."""
        person: Person = getattr(self, name)
        return person


class Scene:
    """One row's surroundings: a class of its own, and the words for it.

    Args:
        cast: The people.
        base_url: The server.
    """

    def __init__(self, cast: Cast, base_url: str) -> None:
        self.cast = cast
        self.people = cast.people
        self.base_url = base_url
        fresh = uuid.uuid4().hex
        self.words = {
            "fresh": fresh,
            "name": f"Logic {fresh}",
            "taken": f"Algebra {fresh}",
            "missing": MISSING_ID,
            **{f"{name}_id": cast.named(name).id for name in ("teacher", "student", "outsider")},
            **{f"{name}_email": cast.named(name).email for name in ("teacher", "student")},
        }
        self.words["other"] = cast.people.class_of(cast.teacher, name=self.words["taken"])
        self.words["class"] = cast.people.class_of(
            cast.teacher, cast.student, name=self.words["name"]
        )
        self.words["foreign"] = cast.people.class_of(cast.stranger, name=f"Cryptography {fresh}")

    def filled(self, value: Any) -> Any:  # noqa: ANN401 - JSON, with words in angle brackets
        """``value`` with this scene's words in place of ``<word>``; ``<WORD>`` is in capitals."""
        if isinstance(value, str):
            for word, meaning in self.words.items():
                value = value.replace(f"<{word}>", meaning)
                value = value.replace(f"<{word.upper()}>", meaning.upper())
            return value
        if isinstance(value, dict):
            return {self.filled(key): self.filled(item) for key, item in value.items()}
        return [self.filled(item) for item in value] if isinstance(value, list) else value

    def start(self) -> None:
        """The class's session is live."""
        self.people.start(self.cast.teacher, self.words["class"])

    def mark(self) -> None:
        """The student is marked present in the class's live session."""
        self.start()
        student = self.cast.student.id
        self._say(
            {"event": "ATTENDANCE_MARKED", "data": {"studentId": student, "status": "present"}}
        )

    def record(self) -> None:
        """The class has had a session, and the student was there."""
        self.mark()
        self._say({"event": "DONE"})

    def miss(self) -> None:
        """The class has had a session, and the student was not marked."""
        self.start()
        self._say({"event": "DONE"})

    def supersede(self) -> None:
        """The student was marked, and then the teacher called the roll of another class."""
        self.mark()
        self.people.start(self.cast.teacher, self.words["other"])

    def supersede_unmarked(self) -> None:
        """Nobody was marked, and then the teacher called the roll of another class."""
        self.start()
        self.people.start(self.cast.teacher, self.words["other"])

    def mark_with_onlooker(self) -> None:
        """The student is marked, and a second one, in the same class, is not."""
        self._enrol(self.cast.outsider)
        self.mark()

    def leave_after_record(self) -> None:
        """There is a record of the student, who left the class and came back."""
        self.record()
        gone = self.people.http.delete(
            f"{API}/class/{self.words['class']}/students/{self.cast.student.id}",
            headers=self.cast.teacher.headers,
        )
        assert gone.status_code == 200, gone.text
        self._enrol(self.cast.student)

    def _enrol(self, student: Person) -> None:
        added = self.people.http.post(
            f"{API}/class/{self.words['class']}/add-student",
            json={"studentId": student.id},
            headers=self.cast.teacher.headers,
        )
        assert added.status_code == 201, added.text

    def _say(self, message: dict[str, Any]) -> None:
        """Send one message as the teacher, and wait until everybody has heard of it."""
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
    """Tokens that hold for nobody, by what is wrong with them.

    Args:
        secret: The server's key, for those that need it.
        person: Whose they pretend to be.
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
    """A token of ``person`` that holds for so long from now on."""
    now = int(time.time())
    claims = {"id": person.id, "role": person.role, "iat": now, "exp": now + seconds}
    return jwt.encode(claims, secret, algorithm="HS256")


def token_of_somebody_gone(secret: str) -> str:
    """A token that holds, for an account that is no more."""
    now = int(time.time())
    claims = {"id": MISSING_ID, "role": "teacher", "iat": now, "exp": now + HOUR}
    return jwt.encode(claims, secret, algorithm="HS256")
