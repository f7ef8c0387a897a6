"""The client's side of a test: people, HTTP requests, and sockets with deadlines."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from quartapp.http.event_stream import LAST_EVENT_ID
from quartapp.testing.pages import Page
from quartapp.testing.streams import Stream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from quartapp.encoding import JsonObject
    from quartapp.identity.tokens import Tokens
    from quartapp.realtime.broadcast import Version


# The deadline only ends a test that hangs, so it is long enough for the busiest machine.
DEADLINE_SECONDS = 60.0
_FENCE = "is anybody there"


@dataclass(frozen=True, slots=True)
class Person:
    """A registered user.

    Attributes:
        id: The user's ``_id``, 24 hex digits.
        name: The name in answers of the API.
        email: E-mail address to sign in with.
        password: Password in clear text.
        role: The user's role.
        token: A valid token of the user.
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
    """An open WebSocket; every wait has a deadline, after which the test fails.

    Attributes:
        connection: The connection, an object of the ``websockets`` library.
        history: All frames that were read, in order.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.history: list[JsonObject] = []

    async def send(
        self, event: str, data: Mapping[str, object] | None = None, *, ref: str | None = None
    ) -> None:
        """Send a frame.

        Args:
            event: Name of the event.
            data: Data of the frame; None sends a frame without ``data``.
            ref: Reference of the frame, for sockets of version 1; None for none.
        """
        members = {"event": event, "data": data, "ref": ref}
        frame = {name: value for name, value in members.items() if value is not None}
        await self.connection.send(json.dumps(frame))

    async def receive(self) -> JsonObject:
        """Return the next frame.

        Raises:
            AssertionError: No frame came in time.
            ConnectionClosed: The server has closed the socket.
        """
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                text = await self.connection.recv()
        except TimeoutError:
            raise AssertionError(f"no frame came; the last were {self.history[-5:]}") from None
        frame: JsonObject = json.loads(text)
        self.history.append(frame)
        return frame

    async def ask(
        self, event: str, data: Mapping[str, object] | None = None, *, ref: str | None = None
    ) -> JsonObject:
        """Send a frame and return the next frame from the server, of any event.

        Args:
            event: Name of the event.
            data: Data of the frame; None sends a frame without ``data``.
            ref: Reference of the frame, for sockets of version 1; None for none.
        """
        await self.send(event, data, ref=ref)
        return await self.receive()

    async def until(self, event: str) -> JsonObject:
        """Read up to the first frame of ``event``, and return that frame.

        The frames before are in ``history``.

        Args:
            event: Name of the event.
        """
        while (frame := await self.receive())["event"] != event:
            pass
        return frame

    async def drain(self) -> list[JsonObject]:
        """Return all frames that the server has sent by the time it has handled this socket's.

        The method sends an unknown event and reads up to the answer, which it leaves out.
        """
        await self.send(_FENCE)
        frames = []
        refused = {"event": "ERROR", "data": {"message": "Unknown event"}}
        while (frame := await self.receive()) != refused:
            frames.append(frame)
        self.history.pop()
        return frames

    async def closed(self) -> int:
        """Read until the server closes the socket; return the close code (RFC 6455, 7.4)."""
        try:
            while True:
                await self.receive()
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd else 1006

    async def close(self) -> None:
        """Close the socket, as a browser does when the user leaves the page."""
        await self.connection.close()


class Client:
    """A client of one server, on behalf of any number of people.

    Args:
        url: The server's address, without a path.
        tokens: The server's tokens, to issue tokens for people; without them, people sign in,
            which takes 60 ms each.

    Attributes:
        url: The server's address, without a path.
        api: HTTP client for paths under ``/api/v1``; a whole URL reaches any other path.
    """

    def __init__(self, url: str, tokens: Tokens | None = None) -> None:
        self.url = url
        # A proxy of the environment is left out, since the server is on this machine.
        self.api = httpx.AsyncClient(
            base_url=f"{url}/api/v1",
            timeout=DEADLINE_SECONDS,
            trust_env=False,
            verify=_certificates(),
        )
        self._tokens = tokens
        self._sockets: list[Socket] = []
        self._streams: list[Stream] = []
        self._pages: list[Page] = []

    async def person(self, role: str, *, name: str | None = None) -> Person:
        """Register a person with a new address.

        Args:
            role: Role of the person. A client of a process can only use roles that the server's
                registration takes; a :class:`TestServer` takes every role of the app.
            name: Name of the person; by default the role with a random tag.

        Raises:
            AssertionError: The server refuses to register the person.
        """
        tag = uuid.uuid4().hex[:12]
        account = {
            "name": name or f"{role} {tag}",
            "email": f"{role}.{tag}@example.org",
            "password": f"password of {tag}",
            "role": role,
        }
        user = await self._registered(account)
        if self._tokens is not None:
            token = self._tokens.issue(user["_id"], role)
        else:
            token = await self.sign_in(account["email"], account["password"])
        return Person(user["_id"], user["name"], account["email"], account["password"], role, token)

    async def _registered(self, account: dict[str, str]) -> JsonObject:
        """Register an account, and return the account as the API answers it."""
        user: JsonObject = data_of(await self.api.post("/auth/register", json=account))
        return user

    async def people(self, role: str, count: int) -> list[Person]:
        """Register several people at once.

        Args:
            role: Role of the people.
            count: Number of people.
        """
        return await asyncio.gather(*(self.person(role) for _ in range(count)))

    async def sign_in(self, email: str, password: str) -> str:
        """Sign in over HTTP, and return the token.

        Args:
            email: Address of the account.
            password: Password in clear text.

        Raises:
            AssertionError: The server refuses the sign-in.
        """
        answer = await self.api.post("/auth/login", json={"email": email, "password": password})
        token: str = data_of(answer)["token"]
        return token

    async def socket(
        self,
        person: Person | None = None,
        *,
        version: Version = 0,
        **options: Any,  # noqa: ANN401 - websockets' own
    ) -> Socket:
        """Open a WebSocket.

        Args:
            person: The person whose token goes into the address; None for no token.
            version: Version of frames to ask for; 0 asks for none.
            options: Options of ``websockets.connect``; ``path`` replaces ``/ws?token=…``.
        """
        path = options.pop("path", f"/ws?token={person.token}" if person else "/ws")
        # The client queues frames without limit, so that a test that reads late is no slow reader.
        quiet: dict[str, Any] = {"ping_interval": None, "max_queue": None, "proxy": None}
        if version:
            quiet["subprotocols"] = [f"quartapp.v{version}"]
        connection = await connect(self.url.replace("http", "ws", 1) + path, **{**quiet, **options})
        socket = Socket(connection)
        self._sockets.append(socket)
        return socket

    async def stream(self, person: Person, path: str, *, last_id: str | None = None) -> Stream:
        """Open an event stream.

        Args:
            person: The person who reads.
            path: Path under ``/api/v1``, with the query.
            last_id: Id of the last event that the client has; None for a first visit.

        Raises:
            AssertionError: The server refuses the stream.
        """
        told = {} if last_id is None else {LAST_EVENT_ID: last_id}
        headers = {**person.headers, **told}
        request = self.api.build_request("GET", path, headers=headers, timeout=None)
        answer = await self.api.send(request, stream=True)
        if not answer.is_success:
            await answer.aread()
            raise AssertionError(f"{answer.status_code} {answer.text}")
        stream = Stream(answer)
        self._streams.append(stream)
        return stream

    def page(self, person: Person | None = None) -> Page:
        """Open a browser that keeps cookies of its own.

        Args:
            person: Who is signed in, by the session cookie; None for nobody.
        """
        page = Page(self.url, person.token if person else None, DEADLINE_SECONDS)
        self._pages.append(page)
        return page

    async def close(self) -> None:
        """Close all pages, streams and sockets, and the HTTP client."""
        await asyncio.gather(*(stream.close() for stream in self._streams))
        await asyncio.gather(*(page.close() for page in self._pages))
        await asyncio.gather(*(socket.close() for socket in self._sockets))
        await self.api.aclose()


@cache
def _certificates() -> ssl.SSLContext:
    # Reading them takes 60 ms, which each client would spend, also for plain HTTP.
    return httpx.create_ssl_context(trust_env=False)


def data_of(answer: httpx.Response) -> Any:  # noqa: ANN401 - what JSON brought
    """Return the data of a successful answer.

    Args:
        answer: An answer of the API.

    Raises:
        AssertionError: The answer is a refusal.
    """
    assert answer.is_success, f"{answer.status_code} {answer.text}"  # noqa: S101 - in tests
    return answer.json()["data"]
