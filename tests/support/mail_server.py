"""A small mail server that speaks SMTP (RFC 5321) with STARTTLS and AUTH PLAIN or LOGIN."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from email.message import EmailMessage

LONGEST_MAIL = 1_000_000


@dataclass(frozen=True)
class Mail:
    """A mail that the server has taken.

    Attributes:
        sender: Sender of the envelope.
        recipients: Recipients of the envelope.
        raw: The mail as it came, without the final dot.
        user: User who has signed in; None for nobody.
        encrypted: Whether the mail came by TLS.
    """

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    user: str | None
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        """The mail with its headers and its text decoded."""
        found = message_from_bytes(self.raw, policy=policy.default)
        assert not found.defects
        return found

    @property
    def text(self) -> str:
        """The text of the mail, with the ends of lines of Python."""
        return self.message.get_content().replace("\r\n", "\n")


class MailServer:
    """A mail server on a free port of 127.0.0.1.

    Attributes:
        port: Port of the server.
        password: Password that everybody has; None where nobody has to sign in.
        answers: Next answers by command, such as ``RCPT``, in place of the usual ones; the end of a
            mail is the command ``.``, and the greeting is the command ``HELLO``. None closes the
            connection without an answer, also after a mail that was taken.
        mails: Mails that were taken.
        tried: Commands in their order, of all connections.
        connections: Number of connections so far.
    """

    def __init__(self, certificate: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.password: str | None = None
        self.answers: defaultdict[str, deque[str | None]] = defaultdict(deque)
        self.mails: list[Mail] = []
        self.tried: list[str] = []
        self.connections = 0
        self._certificate = certificate
        self._handlers: set[asyncio.Task[None]] = set()

    async def open(self, *, tls: bool = False) -> None:
        """Listen; with ``tls`` everything is encrypted from the first byte."""
        certificate = self._certificate if tls else None
        self._server = await asyncio.start_server(
            self._handle, "127.0.0.1", self.port, ssl=certificate, limit=LONGEST_MAIL
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, and close all connections."""
        self._server.close()
        for handler in list(self._handlers):
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        self.connections += 1
        try:
            await _Conversation(self, reader, writer, self._certificate).run()
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # the client has left, or the server ends
        finally:
            self._handlers.discard(handler)
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()


class _Conversation:
    """One connection."""

    def __init__(
        self,
        server: MailServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        certificate: ssl.SSLContext | None,
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._certificate = certificate
        self._user: str | None = None
        self._sender = ""
        self._recipients: list[str] = []

    async def run(self) -> None:
        await self._say("HELLO", "220 mail.example")
        verb = ""
        while verb != "QUIT":
            line = (await self._reader.readuntil(b"\r\n")).decode().rstrip("\r\n")
            verb = line.partition(" ")[0].upper()
            self._server.tried.append(verb)
            await self._obey(verb, line)

    async def _obey(self, verb: str, line: str) -> None:
        if verb == "EHLO":
            await self._say(verb, self._offers())
        elif verb == "AUTH":
            await self._say(verb, await self._sign_in(line))
        elif verb == "STARTTLS":
            if await self._say(verb, "220 go ahead") and self._certificate is not None:
                await self._writer.start_tls(self._certificate)
        elif verb == "MAIL" and self._server.password is not None and self._user is None:
            await self._say(verb, "530 5.7.0 sign in first")
        elif verb == "DATA":
            if await self._say(verb, "354 end with a dot"):
                await self._take()
        elif await self._say(verb, "250 ok"):
            self._note(verb, line)

    def _note(self, verb: str, line: str) -> None:
        if verb == "MAIL":
            self._sender, self._recipients = _address(line), []
        elif verb == "RCPT":
            self._recipients.append(_address(line))

    async def _take(self) -> None:
        raw = (await self._reader.readuntil(b"\r\n.\r\n"))[:-3]
        ordered = self._server.answers["."]
        if not ordered or ordered[0] is None:
            encrypted = self._writer.get_extra_info("sslcontext") is not None
            mail = Mail(
                self._sender,
                tuple(self._recipients),
                raw.replace(b"\r\n..", b"\r\n."),
                self._user,
                encrypted,
            )
            self._server.mails.append(mail)
        await self._say(".", "250 queued")

    async def _sign_in(self, line: str) -> str:
        _, way, *given = line.split(" ")
        try:
            if way.upper() == "PLAIN":
                _, user, password = base64.b64decode(given[0]).decode().split("\0")
            elif way.upper() == "LOGIN":
                user = _decoded(given[0]) if given else await self._asked("Username:")
                password = await self._asked("Password:")
            else:
                return "504 no such way"
        except (binascii.Error, ValueError):
            return "501 not base64"
        if password != self._server.password:
            return "535 5.7.8 wrong"
        self._user = user
        return "235 welcome"

    async def _asked(self, what: str) -> str:
        self._writer.write(f"334 {base64.b64encode(what.encode()).decode()}\r\n".encode())
        return _decoded((await self._reader.readuntil(b"\r\n")).decode())

    def _offers(self) -> str:
        encrypted = self._writer.get_extra_info("sslcontext") is not None
        lines = ["mail.example"]
        if self._certificate is not None and not encrypted:
            lines.append("STARTTLS")
        if self._server.password is not None:
            lines.append("AUTH PLAIN LOGIN")
        last = lines.pop()
        return "".join(f"250-{one}\r\n" for one in lines) + f"250 {last}"

    async def _say(self, verb: str, usual: str) -> bool:
        """Answer a command; tell whether the command has worked."""
        ordered = self._server.answers[verb]
        answer = ordered.popleft() if ordered else usual
        if answer is not None:
            self._writer.write(f"{answer}\r\n".encode())
            await self._writer.drain()
        if answer is None or answer.startswith("421"):
            raise ConnectionAbortedError
        return answer[0] in "23"


def _address(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()
