"""The client's side of an event stream, with deadlines."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from quartapp.encoding import JsonObject

DEADLINE_SECONDS = 60.0


class Stream:
    """An open event stream; every wait has a deadline, after which the test fails.

    Args:
        answer: Answer with the status 200, whose body is not read.

    Attributes:
        answer: The answer.
        history: All frames that were read, in order.
        last_id: Id of the last event that had one; empty before the first.
        heartbeats: Number of comments that were read.
    """

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.history: list[JsonObject] = []
        self.last_id = ""
        self.heartbeats = 0
        self._code: int | None = None
        self._events = self._read()

    async def receive(self) -> JsonObject:
        """Return the next frame.

        Raises:
            AssertionError: No frame came in time.
            EOFError: The stream has ended.
        """
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                frame = await anext(self._events)
        except TimeoutError:
            raise AssertionError(f"no event came; the last were {self.history[-5:]}") from None
        except StopAsyncIteration:
            raise EOFError from None
        self.history.append(frame)
        return frame

    async def until(self, event: str) -> JsonObject:
        """Read up to the first frame of ``event``, and return that frame.

        Args:
            event: Name of the event.
        """
        while (frame := await self.receive())["event"] != event:
            pass
        return frame

    async def closed(self) -> int | None:
        """Read until the stream ends; return the close code, None if the server told none."""
        try:
            while True:
                await self.receive()
        except EOFError:
            return self._code

    async def close(self) -> None:
        """Leave."""
        await self._events.aclose()
        await self.answer.aclose()

    async def _read(self) -> AsyncGenerator[JsonObject, None]:
        lines: dict[str, str] = {}
        async for line in self._lines():
            if line:
                name, _, value = line.partition(":")
                lines[name] = value.removeprefix(" ")
                continue
            self.last_id = lines.get("id", self.last_id)
            self.heartbeats += lines.keys() == {""}
            if lines.get("event") == "close":
                self._code = json.loads(lines["data"])["code"]
            elif "data" in lines:
                yield json.loads(lines["data"])
            lines = {}

    async def _lines(self) -> AsyncGenerator[str, None]:
        text = ""
        try:
            async for part in self.answer.aiter_text():
                *complete, text = (text + part).split("\n")
                for line in complete:
                    yield line
        except httpx.TransportError:
            return  # as when the server is killed
