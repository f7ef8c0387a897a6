"""Tokens that run out on open sockets, in the middle of a roll call."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from datetime import datetime
from itertools import cycle, islice

import jwt

from quartapp.identity.tokens import ALGORITHM, Tokens
from quartapp.testing.servers import SECRET
from tests.faults.support.crowd import Crowd

STUDENTS = 30
SOCKETS = 200  # of each kind
LIFETIMES = range(20, 26)  # seconds; enough for everybody to come in, on a busy machine too
LONG = 3600
CLOSED_SECONDS = 60.0
MARKS_A_SECOND = 50
UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}


def tokens_of(people, seconds=LONG):
    """Return a new token for each of ``people``."""
    maker = Tokens(SECRET, lifetime=seconds)
    return [maker.issue(person.id, person.role) for person in people]


def short_tokens(people):
    """Return a token for each person; the tokens expire one after the other."""
    return [
        tokens_of([person], seconds)[0]
        for person, seconds in zip(people, cycle(LIFETIMES), strict=False)
    ]


def end_of(token):
    """Return the end of ``token``, in seconds since the epoch."""
    claims = jwt.decode(token, SECRET, algorithms=[ALGORITHM], options={"verify_exp": False})
    return claims["exp"]


class RollCall:
    """A teacher who marks while the sockets of watchers end one after the other."""

    def __init__(self, crowd, maths):
        self.crowd = crowd
        self.marks = 0
        self._ids = cycle(student.id for student in maths.students)
        self._statuses = cycle(("present", "absent", "present"))
        people = list(islice(cycle(maths.students), SOCKETS))
        others = people[1:] + people[:1]
        self.given = [short_tokens(people) for _ in range(3)]
        self.fresh, self.foreign = tokens_of(people), tokens_of(others)
        self.teacher = crowd.open([maths.teacher.token])[0]
        self.left, self.renewed, self.refused = map(crowd.open, self.given)
        for member in (self.teacher, *self.left, *self.renewed, *self.refused):
            member.texts = []

    def renew(self):
        """Send good tokens from some sockets, and tokens of other people from others."""
        for members, tokens in ((self.renewed, self.fresh), (self.refused, self.foreign)):
            for member, token in zip(members, tokens, strict=True):
                member.send("AUTH", token=token)

    def go_on_until(self, question, seconds):
        """Mark until ``question`` has a true answer."""
        deadline, due = time.perf_counter() + seconds, time.perf_counter()
        while not question():
            assert time.perf_counter() < deadline, f"{self.crowd.ended} are out"
            if time.perf_counter() >= due:
                self.mark()
                due += 1 / MARKS_A_SECOND
            self.crowd.turn(0.01)

    def mark(self):
        """Mark the next student."""
        data = {"studentId": next(self._ids), "status": next(self._statuses)}
        self.teacher.send("ATTENDANCE_MARKED", **data)
        self.marks += 1


def frames_of(member):
    """Return the frames of ``member``: the marks, and all others."""
    frames = [json.loads(text) for text in member.texts]
    marks = [frame["data"] for frame in frames if frame["event"] == "ATTENDANCE_MARKED"]
    return marks, [frame for frame in frames if frame["event"] != "ATTENDANCE_MARKED"]


def lateness(members, tokens):
    """Return the seconds from the end of each token to the close of its socket, sorted."""
    # Of the two clocks, tokens have the one and the crowd has the other.
    offset = time.time() - time.perf_counter()
    pairs = zip(members, tokens, strict=True)
    return sorted(member.closed_at + offset - end_of(token) for member, token in pairs)


def watch(crowd, maths, figures):
    """Run the roll call between the handshakes and the end of the last token."""
    roll_call = RollCall(crowd, maths)
    roll_call.renew()
    ends = [end_of(token) for tokens in roll_call.given for token in tokens]
    assert min(ends) > time.time(), "all were in before the first token ran out"
    roll_call.go_on_until(lambda: crowd.ended >= 2 * SOCKETS, max(LIFETIMES) + CLOSED_SECONDS)
    roll_call.go_on_until(lambda: time.time() > max(ends) + 1, CLOSED_SECONDS)
    sent = roll_call.marks
    crowd.until(lambda: roll_call.teacher.frames >= sent, CLOSED_SECONDS)
    crowd.until(lambda: min(one.frames for one in roll_call.renewed) > sent, CLOSED_SECONDS)

    ended = [*roll_call.left, *roll_call.refused]
    late = lateness(ended, [*roll_call.given[0], *roll_call.given[2]])
    figures["sockets that ended"] = len(ended)
    figures["close codes"] = dict(Counter(one.close_code for one in ended))
    figures["closed after exp, s: first"], figures["median"] = late[0], late[len(late) // 2]
    figures["last"] = late[-1]
    figures["sockets that were renewed and stay"] = SOCKETS
    figures["marks meanwhile"] = sent
    assert {one.close_code for one in ended} == {1008}
    assert late[0] >= 0
    check_frames(roll_call)


def check_frames(roll_call):
    """Check the frames of every kind of member."""
    shown = frames_of(roll_call.teacher)[0]
    for member in roll_call.left:
        marks, others = frames_of(member)
        assert others == [UNAUTHORIZED]
        assert marks == shown[: len(marks)]
    for member in roll_call.refused:
        assert frames_of(member)[1] == [UNAUTHORIZED] * 2, "once for the frame, once at the end"
    for member, token in zip(roll_call.renewed, roll_call.fresh, strict=True):
        marks, others = frames_of(member)
        assert member.close_code is None
        assert [frame["event"] for frame in others] == ["AUTH"]
        until = datetime.fromisoformat(others[0]["data"]["expiresAt"])
        assert until.timestamp() == end_of(token)
        assert marks == shown, "nothing was missed"


async def test_sockets_end_with_their_tokens_unless_these_are_renewed(
    serve_process, lesson, figures
):
    process = await serve_process(JWT_SECRET=SECRET)
    maths = await lesson(process.client, students=STUDENTS)
    await maths.start()
    with Crowd(process.client.url) as crowd:
        await asyncio.to_thread(watch, crowd, maths, figures)
    assert "Traceback" not in process.stderr, process.stderr
    assert await process.terminate() == 0
