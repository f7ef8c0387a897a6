"""What a test needs on the client's side: people, HTTP, and sockets with deadlines."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quartapp.encoding import JsonObject
    from quartapp.identity.tokens import Tokens


# Ends a test that hangs, however busy the machine is; no test depends on it.
DEADLINE_SECONDS = 60.0
_FENCE = "is anybody there"


@dataclass(frozen=True, slots=True)
class Person:
    """A registered user.

    Attributes:
        id: The user's ``_id``.
        name: As the API answers it.
        email: Address to sign in with.
        password: In clear.
        role: The user's role.
        token: A valid token.
    """

    id: str
    name: str
    email: str
    password: str
    role: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """Headers of a request by this person."""
        return {"Authorization": f"Bearer {self.token}"}


class Socket:
    """An open WebSocket. Every wait has a deadline, after which the test fails.

    Attributes:
        connection: The connection itself, of the ``websockets`` library.
        history: Every frame that was read, in order.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.history: list[JsonObject] = []

    async def send(self, event: str, data: Mapping[str, object] | None = None) -> None:
        """Send ``event``; without ``data`` when that is None."""
        frame = {"event": event} if data is None else {"event": event, "data": data}
        await self.connection.send(json.dumps(frame))

    async def receive(self) -> JsonObject:
        """The next frame.

        Raises:
            AssertionError: None came in time.
            ConnectionClosed: The server has closed.
        """
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                text = await self.connection.recv()
        except TimeoutError:
            raise AssertionError(f"no frame came; the last were {self.history[-5:]}") from None
        frame: JsonObject = json.loads(text)
        self.history.append(frame)
        return frame

    async def ask(self, event: str, data: Mapping[str, object] | None = None) -> JsonObject:
        """Send ``event`` and return the next frame, whatever it is."""
        await self.send(event, data)
        return await self.receive()

    async def until(self, event: str) -> JsonObject:
        """Read up to the first frame of ``event``, and return that; see also ``history``."""
        while (frame := await self.receive())["event"] != event:
            pass
        return frame

    async def drain(self) -> list[JsonObject]:
        """Every frame that the server had for this socket when it handled what was sent so far.

        It sends an event that there is not, and reads up to the answer, which is left out.
        """
        await self.send(_FENCE)
        frames = []
        refused = {"event": "ERROR", "data": {"message": "Unknown event"}}
        while (frame := await self.receive()) != refused:
            frames.append(frame)
        self.history.pop()
        return frames

    async def closed(self) -> int:
        """Read on until the server closes, and return the close code (RFC 6455, section 7.4)."""
        try:
            while True:
                await self.receive()
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd else 1006

    async def close(self) -> None:
        """Close, as a page does that is left."""
        await self.connection.close()


class Client:
    """A client of one server, on behalf of any number of people.

    Args:
        url: The server's address, without a path.
        tokens: Makes tokens when given; else people sign in, which costs 60 ms each.

    Attributes:
        url: The server's address, without a path.
        api: For requests to ``/api/v1``; a whole URL goes anywhere.
    """

    def __init__(self, url: str, tokens: Tokens | None = None) -> None:
        self.url = url
        # No proxy of the environment: what is tested is on this machine.
        self.api = httpx.AsyncClient(
            base_url=f"{url}/api/v1", timeout=DEADLINE_SECONDS, trust_env=False
        )
        self._tokens = tokens
        self._sockets: list[Socket] = []

    async def person(self, role: str, *, name: str | None = None) -> Person:
        """Register somebody with ``role``; the address is a new one each time."""
        tag = uuid.uuid4().hex[:12]
        account = {
            "name": name or f"{role} {tag}",
            "email": f"{role}.{tag}@example.org",
            "password": f"password of {tag}",
            "role": role,
        }
        user = data_of(await self.api.post("/auth/register", json=account))
        if self._tokens is not None:
            token = self._tokens.issue(user["_id"], role)
        else:
            token = await self.sign_in(account["email"], account["password"])
        return Person(user["_id"], user["name"], account["email"], account["password"], role, token)

    async def people(self, role: str, count: int) -> list[Person]:
        """Register ``count`` people with ``role``."""
        return await asyncio.gather(*(self.person(role) for _ in range(count)))

    async def sign_in(self, email: str, password: str) -> str:
        """A token, by the front door."""
        answer = await self.api.post("/auth/login", json={"email": email, "password": password})
        token: str = data_of(answer)["token"]
        return token

    async def socket(
        self,
        person: Person | None = None,
        **options: Any,  # noqa: ANN401 - websockets' own
    ) -> Socket:
        """Open a WebSocket.

        Args:
            person: Whose token goes into the address; None for no token.
            options: For ``websockets.connect``; ``path`` takes the place of ``/ws?token=…``.
        """
        path = options.pop("path", f"/ws?token={person.token}" if person else "/ws")
        # Frames wait on our side without limit: a test that reads late is no slow reader.
        quiet = {"ping_interval": None, "max_queue": None, "proxy": None}
        connection = await connect(self.url.replace("http", "ws", 1) + path, **{**quiet, **options})
        socket = Socket(connection)
        self._sockets.append(socket)
        return socket

    async def close(self) -> None:
        """Close what was opened."""
        await asyncio.gather(*(socket.close() for socket in self._sockets))
        await self.api.aclose()


def data_of(answer: httpx.Response) -> Any:  # noqa: ANN401 - what JSON brought
    """What a successful ``answer`` carries.

    Raises:
        AssertionError: It is a refusal.
    """
    assert answer.is_success, f"{answer.status_code} {answer.text}"  # noqa: S101 - in tests
    return answer.json()["data"]
