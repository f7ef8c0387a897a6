"""The sockets of all participants: the frames that each received, and the latency of broadcasts."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from quartapp_attendance import MY_ATTENDANCE
from quartapp_demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from quartapp_demo.school import Person

ANSWER_SECONDS = 15.0


class Listener:
    """The socket of one participant, with the frames received.

    Args:
        person: The participant.
        socket: The open connection.
    """

    def __init__(self, person: Person, socket: ClientConnection) -> None:
        self.person = person
        self.socket = socket
        self.broadcasts: list[str] = []
        self.answers: list[dict[str, Any]] = []  # Any: JSON


class Crowd:
    """The sockets of all participants.

    Args:
        listeners: One listener for each participant.
    """

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.listeners = tuple(listeners)
        self._of = {listener.person.id: listener for listener in listeners}
        self._seen: Counter[int] = Counter()
        self._complete_at: dict[int, float] = {}
        self._failure: str | None = None
        self._changed = asyncio.Event()

    async def broadcast(
        self, sender: Person, event: str, data: dict[str, str] | None = None
    ) -> tuple[dict[str, Any], float]:
        """Send an event whose answer is broadcast, and wait until every socket has the answer.

        Args:
            sender: Participant on whose socket the event is sent.
            event: Name of the event.
            data: Data of the event; None sends the event without data.

        Returns:
            The ``data`` of the answer, and the time until the last socket had it, in seconds.

        Raises:
            DemoError: The server sent an error, or a socket did not get the answer in time.
        """
        source = self._of[sender.id]
        number = len(source.broadcasts) + 1
        sent_at = perf_counter()
        await self._send(source, event, data)
        await self._until(lambda: number in self._complete_at, event)
        answer = json.loads(source.broadcasts[number - 1])
        if answer["event"] != event:
            raise DemoError(f"{event} was answered with {answer['event']}")
        return answer["data"], self._complete_at[number] - sent_at

    async def ask(self, sender: Person, event: str) -> dict[str, Any]:
        """Send an event that is answered to the sender alone.

        Args:
            sender: Participant on whose socket the event is sent.
            event: Name of the event.

        Returns:
            The ``data`` of the answer.

        Raises:
            DemoError: The server sent an error, or no answer in time.
        """
        source = self._of[sender.id]
        number = len(source.answers) + 1
        await self._send(source, event, None)
        await self._until(lambda: len(source.answers) >= number, event)
        answer: dict[str, Any] = source.answers[number - 1]["data"]
        return answer

    def one_order(self) -> int:
        """Check that all sockets received the same broadcasts in the same order, and count them.

        Returns:
            Number of broadcasts that each socket received.

        Raises:
            DemoError: Two sockets received different broadcasts, or in a different order.
        """
        first, *others = self.listeners
        for other in others:
            if other.broadcasts != first.broadcasts:
                raise DemoError(
                    f"{first.person.name} and {other.person.name} did not see the same "
                    "broadcasts in the same order"
                )
        return len(first.broadcasts)

    async def _send(self, source: Listener, event: str, data: dict[str, str] | None) -> None:
        frame = {"event": event} if data is None else {"event": event, "data": data}
        try:
            await source.socket.send(json.dumps(frame))
        except ConnectionClosed as error:
            raise DemoError(f"The socket of {source.person.name} is closed: {error}") from error

    async def _until(self, condition: Any, event: str) -> None:  # noqa: ANN401
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while not condition():
                    if self._failure is not None:
                        raise DemoError(self._failure)
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise DemoError(
                f"{event} was not with all who should have it after {ANSWER_SECONDS:g} s"
            ) from None

    async def listen(self, listener: Listener) -> None:
        """Read the socket of a listener until the socket closes."""
        try:
            async for frame in listener.socket:
                self._heard(listener, str(frame), perf_counter())
            self._fail(f"The server closed the socket of {listener.person.name}")
        except ConnectionClosed as error:
            self._fail(f"The socket of {listener.person.name} was lost: {error}")

    def _heard(self, listener: Listener, frame: str, at: float) -> None:
        message = json.loads(frame)
        if message["event"] == "ERROR":
            self._fail(f"{listener.person.name} got an ERROR: {message['data']['message']}")
        elif message["event"] == MY_ATTENDANCE:
            listener.answers.append(message)
            self._changed.set()
        else:
            listener.broadcasts.append(frame)
            number = len(listener.broadcasts)
            self._seen[number] += 1
            if self._seen[number] == len(self.listeners):
                self._complete_at[number] = at
                self._changed.set()

    def _fail(self, reason: str) -> None:
        self._failure = self._failure or reason
        self._changed.set()


@asynccontextmanager
async def gathered(url: str, people: Sequence[Person]) -> AsyncIterator[Crowd]:
    """Open a socket for each participant, all at the same time, and close them at the end.

    Args:
        url: URL of the WebSocket.
        people: The participants, signed in.

    Raises:
        DemoError: A socket cannot be opened.
    """
    listeners: list[Listener] = []
    readers: list[asyncio.Task[None]] = []

    async def join(person: Person) -> Listener:
        headers = {"Authorization": f"Bearer {person.token}"}
        # Compressed frames would cost time here, and save nothing. A proxy from the environment
        # must not be used for a connection to this machine.
        socket = await connect(url, additional_headers=headers, compression=None, proxy=None)
        listener = Listener(person, socket)
        listeners.append(listener)
        return listener

    try:
        try:
            crowd = Crowd(await asyncio.gather(*(join(person) for person in people)))
        except (OSError, TimeoutError, WebSocketException) as error:
            raise DemoError(f"A socket cannot be opened: {error}") from error
        readers += [asyncio.create_task(crowd.listen(each)) for each in crowd.listeners]
        yield crowd
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        closing = (listener.socket.close() for listener in listeners)
        await asyncio.gather(*closing, return_exceptions=True)
