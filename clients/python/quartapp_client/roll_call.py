"""The live side: a roll call of one class, whose events are answered once, whatever breaks."""

from __future__ import annotations

import asyncio
import inspect
import json
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from quartapp_client.errors import (
    ClientError,
    ConflictError,
    RefusedError,
    SessionEndedError,
    StoppedError,
    UnreachableError,
)
from quartapp_client.events import (
    Done,
    Ended,
    Event,
    Frame,
    Marked,
    RollMarked,
    Started,
    State,
    done_of,
)
from quartapp_client.events import event_of as read_event
from quartapp_client.pauses import Pauses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from quartapp_client.client import Client

VERSION = Subprotocol("quartapp.v1")
# Events on their way at once; more would reach the server's limit of events per second.
AHEAD = 20
LOOK_SECONDS = 1.0
POLICY = 1008
# The client, and no network, is to blame: 1002, 1007 and 1009 of RFC 6455, section 7.4.1.
MISTAKES = (1002, 1007, 1009)
MISTAKEN = (400, 401, 403, 404, 405)
UNAUTHORIZED = "Unauthorized or invalid token"
NO_SESSION = "No active attendance session"
UNAVAILABLE = "Service Unavailable"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A mark that found another one than the caller saw.

    Attributes:
        student_id: ``_id`` of the student.
        wanted: The mark that the caller wants; None for none.
        current: The student's mark; None for none.
    """

    student_id: str
    wanted: str | None
    current: str | None


Decide: TypeAlias = "Callable[[Conflict], bool | Awaitable[bool]]"


@dataclass(slots=True)
class _Sent:
    """An event that waits for its answer."""

    event: str
    data: dict[str, Any]
    answer: asyncio.Future[Frame]
    ref: str
    on_its_way: bool = False

    def frame(self) -> str:
        return json.dumps({"event": self.event, "data": self.data, "ref": self.ref})


class RollCall:
    """The roll call of a class. Use it in ``async with``.

    Events wait while the connection is broken, and are sent in their order as soon as the server is
    back. An event that got no answer is sent again with its reference, so it takes effect once.
    Events of a session that has ended meanwhile are refused, and never reach the next session.

    Args:
        client: The person's client.
        class_id: ``_id`` of the class.
        on_conflict: Decides whether a mark overwrites that of somebody else; None never.

    Attributes:
        marks: The mark of each student marked so far, by ``_id``.
        seq: Number of the last change that is in ``marks``; 0 before the first.
        is_live: Whether the class has a session.
        is_connected: Whether the server hears this client, and everything missed has come.
        connections: How many connections were opened so far.
        expires_at: When the socket ends, if its token has been replaced; None before.
    """

    def __init__(self, client: Client, class_id: str, *, on_conflict: Decide | None = None) -> None:
        self.class_id = class_id
        self.marks: dict[str, str] = {}
        self.seq = 0
        self.is_live = False
        self.is_connected = False
        self.connections = 0
        self.expires_at: str | None = None
        self._client = client
        self._on_conflict = on_conflict
        self._started_at: str | None = None
        self._waiting: deque[_Sent] = deque()
        self._listeners: set[asyncio.Queue[Event | None]] = set()
        self._ready = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._deciding: list[_Sent] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._refusal = ""
        self._is_closed = False
        self._running: asyncio.Task[None] | None = None
        self._reason: ClientError | None = None

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({self._running, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._reason is not None:
            raise self._reason
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_closed = True
        for task in (*self._tasks, self._running):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        self._stop(StoppedError("the roll call is closed"))

    @property
    def unanswered(self) -> int:
        """How many events wait for an answer of the server, or for a decision."""
        asked = sum(not sent.answer.done() for sent in self._deciding)
        return len(self._waiting) + asked

    def shown(self, student_id: str) -> str | None:
        """Return the mark that a student will have once the server has taken what waits.

        Args:
            student_id: ``_id`` of the student.
        """
        shown = self.marks.get(student_id)
        for sent in self._waiting:
            is_rest = sent.event == "MARK_REST" and shown is None
            if is_rest or sent.data.get("studentId") == student_id:
                shown = sent.data["status"]
        return shown

    def mark(
        self, student_id: str, status: str | None, *, if_shown: bool = False
    ) -> asyncio.Future[Frame]:
        """Give a student a mark. Await the answer, or go on and let it come.

        Args:
            student_id: ``_id`` of the student.
            status: The mark; None takes the student's mark back.
            if_shown: Whether the mark is made only if the student still has the mark that
                :meth:`shown` tells now. Otherwise ``on_conflict`` decides, and without it, awaiting
                the answer raises :class:`ConflictError`.
        """
        data: dict[str, Any] = {"studentId": student_id, "status": status}
        if if_shown:
            data["if"] = self.shown(student_id)
        return self._send("ATTENDANCE_MARKED", data)

    async def mark_rest(self, status: str) -> int:
        """Give all students without a mark the same one; return how many there were."""
        answer = await self._send("MARK_REST", {"status": status})
        return int(answer["data"]["marked"])

    async def summary(self) -> Event:
        """Return the numbers of the students marked so far; all clients of the class get them."""
        return read_event(await self._send("TODAY_SUMMARY", {}))

    async def own_status(self) -> str:
        """Return the mark of the student whose client this is."""
        answer = await self._send("MY_ATTENDANCE", {})
        return str(answer["data"]["status"])

    async def done(self) -> Done:
        """End the session with records of everybody on the roll, and return the numbers."""
        answer = await self._send("DONE", {})
        return done_of(answer)

    def events(self) -> AsyncIterator[Event]:
        """Return what happens from now on, each change once and in order.

        The iterator ends when the roll call is closed, and raises the reason if it cannot go on.
        """
        heard: asyncio.Queue[Event | None] = asyncio.Queue()
        self._listeners.add(heard)
        return self._heard_by(heard)

    async def _heard_by(self, heard: asyncio.Queue[Event | None]) -> AsyncIterator[Event]:
        try:
            while self._reason is None or not heard.empty():
                event = await heard.get()
                if event is None:
                    break
                yield event
        finally:
            self._listeners.discard(heard)
        if self._reason is not None and not self._is_closed:
            raise self._reason

    def _send(self, event: str, data: dict[str, Any]) -> asyncio.Future[Frame]:
        if self._reason is not None:
            raise self._reason
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        # Nobody has to wait for an answer.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._enqueue(_Sent(event, {**data, "classId": self.class_id}, answer, uuid.uuid4().hex))
        return answer

    def _enqueue(self, sent: _Sent) -> None:
        if not self.is_live:
            sent.answer.set_exception(RefusedError(NO_SESSION))
            return
        self._waiting.append(sent)
        self._push()

    def _push(self) -> None:
        """Hand as many events to the socket as may be on their way."""
        if not self.is_connected or self._socket is None:
            return
        for sent in list(self._waiting)[:AHEAD]:
            if not sent.on_its_way:
                sent.on_its_way = True
                self._spawn(_sent_to(self._socket, sent.frame()))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        pauses = Pauses(self._client.longest_pause)
        while True:
            try:
                await self._connection(pauses)
            except UnreachableError:
                pass
            except ClientError as error:
                self._stop(error)
                return
            except InvalidStatus as error:
                if error.response.status_code in MISTAKEN:
                    self._stop(StoppedError(f"the server answers {error}"))
                    return
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError):
                pass
            finally:
                self._disconnected()
            await pauses.pause()

    async def _connection(self, pauses: Pauses) -> None:
        token = await self._client.token(fresh=self._refusal == UNAUTHORIZED)
        self._refusal = ""
        since = f"?since={self.class_id}:{self.seq}" if self.seq and self.is_live else ""
        async with connect(
            f"{self._client.url.replace('http', 'ws', 1)}/ws{since}",
            subprotocols=[VERSION],
            additional_headers={"Authorization": f"Bearer {token}"},
            proxy=True if self._client.trust_env else None,
        ) as socket:
            self._socket = socket
            self.connections += 1
            renewing = asyncio.create_task(self._renew(socket))
            try:
                if not since:
                    await self._ask_for_the_session()
                    self._caught_up(pauses)
                with suppress(ConnectionClosed):
                    async for text in socket:
                        await self._hear(json.loads(text), pauses)
            finally:
                renewing.cancel()
            self._check_end(socket.close_code)

    async def _ask_for_the_session(self) -> None:
        found = await self._client.session(self.class_id)
        if found is not None:
            self._begin(str(found["startedAt"]), int(found["seq"]), found["attendance"])
        elif self.is_live:
            self._end()

    def _check_end(self, code: int | None) -> None:
        if self._refusal == UNAUTHORIZED:
            return
        if code in MISTAKES or (code == POLICY and self._refusal != UNAVAILABLE):
            reason = self._refusal or "the server closed the socket"
            raise StoppedError(f"{reason} ({code})")

    async def _renew(self, socket: ClientConnection) -> None:
        while True:
            # A long sleep would last too long on a machine that sleeps itself.
            await asyncio.sleep(LOOK_SECONDS)
            if self._client.seconds_to_renewal > 0:
                continue
            with suppress(ClientError):
                token = await self._client.token()
                await _sent_to(socket, json.dumps({"event": "AUTH", "data": {"token": token}}))

    async def _hear(self, frame: Frame, pauses: Pauses) -> None:
        if frame["event"] == "ERROR":
            await self._hear_error(frame, pauses)
            return
        if frame["event"] == "AUTH":
            self.expires_at = str(frame["data"]["expiresAt"])
            return
        is_ours = frame.get("classId") == self.class_id
        if frame["event"] == "RESUMED":
            if not is_ours:
                # The session of another class has taken the place of ours.
                await self._ask_for_the_session()
            self._caught_up(pauses)
        elif is_ours:
            self._hear_ours(frame)

    def _hear_ours(self, frame: Frame) -> None:
        if frame["event"] == "MARKED_REST":
            self._answered(frame)
            return
        event = read_event(frame)
        # What is sent again is answered with the number of the first time.
        is_new = event.seq > self.seq or isinstance(event, State)
        if is_new:
            self._apply(event)
        self._answered(frame)
        if is_new and frame["event"] != "MY_ATTENDANCE":
            for heard in self._listeners:
                heard.put_nowait(event)
        if isinstance(event, Done | Ended) and is_new:
            self._end(frame)

    async def _hear_error(self, frame: Frame, pauses: Pauses) -> None:
        message, ref = str(frame["data"]["message"]), frame.get("ref")
        if ref is None:
            self._refusal = message
            if message == NO_SESSION and not self.is_connected:
                await self._ask_for_the_session()
                self._caught_up(pauses)
        if message == UNAVAILABLE and self._socket is not None:
            # The database is gone for now: everything unanswered is sent again after a pause.
            await self._socket.close()
            return
        sent = next((one for one in self._waiting if one.ref == ref), None)
        if sent is None:
            return
        if message == "Conflict":
            self._waiting.remove(sent)
            self._deciding.append(sent)
            self._spawn(self._decide(sent, frame["data"]["current"]))
        else:
            self._settle(sent, error=RefusedError(message))
        self._push()

    async def _decide(self, sent: _Sent, current: str | None) -> None:
        asked = Conflict(sent.data["studentId"], sent.data["status"], current)
        try:
            overwrites = self._on_conflict is not None and self._on_conflict(asked)
            if inspect.isawaitable(overwrites):
                overwrites = await overwrites
        except Exception as error:  # noqa: BLE001 - whoever waits for the mark gets it
            self._deciding.remove(sent)
            if not sent.answer.done():
                sent.answer.set_exception(error)
            return
        self._deciding.remove(sent)
        if sent.answer.done():
            return
        if not overwrites:
            sent.answer.set_exception(ConflictError(current))
            return
        again = _Sent(sent.event, {**sent.data, "if": current}, sent.answer, uuid.uuid4().hex)
        self._enqueue(again)

    def _answered(self, frame: Frame) -> None:
        ref = frame.get("ref")
        sent = next((one for one in self._waiting if one.ref == ref), None)
        if sent is not None:
            self._settle(sent, frame)
            self._push()

    def _settle(
        self, sent: _Sent, frame: Frame | None = None, error: ClientError | None = None
    ) -> None:
        self._waiting.remove(sent)
        if sent.answer.done():
            return
        if error is not None:
            sent.answer.set_exception(error)
        else:
            sent.answer.set_result(frame or {})

    def _apply(self, event: Event) -> None:
        match event:
            case State(started_at=started_at, marks=marks):
                self._begin(started_at, event.seq, marks)
            case Started(started_at=started_at):
                self._begin(started_at, event.seq, {})
            case Marked(student_id=student, status=None):
                self.marks.pop(student, None)
            case Marked(student_id=student, status=str() as status):
                self.marks[student] = status
            case RollMarked(student_ids=students, status=status):
                self.marks |= dict.fromkeys(students, status)
        self.seq = max(self.seq, event.seq)

    def _begin(self, started_at: str, seq: int, marks: dict[str, str]) -> None:
        if started_at != self._started_at:
            self._end()
        self._started_at, self.is_live = started_at, True
        self.seq, self.marks = seq, dict(marks)

    def _end(self, last: Frame | None = None) -> None:
        """Refuse what was meant for a session that is over; an end that came is an answer.

        Args:
            last: The last frame of the session; None if it was missed.
        """
        was_live, self.is_live = self.is_live, False
        while was_live and self._waiting:
            if last is not None and self._waiting[0].event == last["event"] == "DONE":
                self._settle(self._waiting[0], last)
                continue
            error = SessionEndedError("the session ended before the answer came")
            self._settle(self._waiting[0], error=error)
        if was_live:
            self._refuse_asked(SessionEndedError("the session ended before the answer came"))

    def _refuse_asked(self, reason: ClientError) -> None:
        # Whoever decides meanwhile finds the answer done.
        for sent in self._deciding:
            if not sent.answer.done():
                sent.answer.set_exception(reason)

    def _caught_up(self, pauses: Pauses) -> None:
        pauses.succeeded()
        self.is_connected = True
        self._ready.set()
        self._push()

    def _disconnected(self) -> None:
        self.is_connected, self._socket = False, None
        for sent in self._waiting:
            sent.on_its_way = False

    def _stop(self, reason: ClientError) -> None:
        if self._reason is not None:
            return
        self._reason = reason
        while self._waiting:
            self._settle(self._waiting[0], error=reason)
        self._refuse_asked(reason)
        for heard in self._listeners:
            heard.put_nowait(None)
        self._ready.set()


async def _sent_to(socket: ClientConnection, text: str) -> None:
    with suppress(ConnectionClosed):
        await socket.send(text)
