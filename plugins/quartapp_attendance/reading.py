"""The event stream of a person's sessions, for clients that read and cannot open a socket."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from quart import request

from quartapp import LAST_EVENT_ID, EventError, core, event_stream
from quartapp_attendance.errors import NoActiveSessionError, UnknownPositionError
from quartapp_attendance.events import NO_SESSION
from quartapp_attendance.live.sessions import LiveSessions
from quartapp_attendance.resume import resume_one
from quartapp_attendance.words import DONE, ENDED, MOST_CLASSES, OF_CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from quart.wrappers import Response

    from quartapp import Connection, Principal
    from quartapp_attendance.schemas import EventsQuery


class Position:
    """How far a reader has come in each session: the id of an event.

    The id is what ``since`` takes for several classes. A session that has ended is left out as soon
    as another one tells something.

    Args:
        known: Numbers of the last broadcasts that the reader has, by class.
    """

    def __init__(self, known: Mapping[str, int]) -> None:
        self._known = dict(known)
        self._ended: set[str] = set()

    def __call__(self, frame: Mapping[str, Any]) -> str | None:
        """Return the id of a frame's event; None for a frame that is about no session.

        Args:
            frame: The frame.
        """
        class_id, seq = frame.get("classId"), frame.get("seq")
        if class_id is None or seq is None:
            return None
        for ended in self._ended - {class_id}:
            self._known.pop(ended, None)
        self._ended &= {class_id}
        if frame["event"] in {DONE, ENDED}:
            self._ended.add(class_id)
        else:
            self._ended.discard(class_id)
        # The class that told something last is the last one, and the first are dropped.
        self._known.pop(class_id, None)
        self._known[class_id] = seq
        first = max(len(self._known) - MOST_CLASSES, 0)
        return ",".join(f"{known}:{at}" for known, at in islice(self._known.items(), first, None))


async def read_events(principal: Principal, query: EventsQuery) -> Response:
    """Send the broadcasts of the caller's sessions as server-sent events."""
    last = request.headers.get(LAST_EVENT_ID, "")
    if last and re.fullmatch(OF_CLASSES, last, re.ASCII) is None:
        raise UnknownPositionError
    live = core().services.get(LiveSessions).concerning(principal.id)
    known = _numbers(last)
    # A browser that comes back repeats the address of its first request.
    asked = _asked(last) if last else _asked(query.since or "", query.class_id)
    # A session that has begun meanwhile has told nothing that the client could name.
    begun = sorted(live - known.keys()) if last else []
    position = Position({class_id: seq for class_id, seq in known.items() if class_id in live})
    return await event_stream(principal, partial(_greet, asked, begun), position)


def _numbers(text: str) -> dict[str, int]:
    """Return the numbers in the text of several classes, by class."""
    parts = (part.partition(":") for part in text.lower().split(",") if part)
    return {class_id: int(number) for class_id, _, number in parts}


def _asked(text: str, class_id: str | None = None) -> list[tuple[str | None, int]]:
    if ":" in text or not text:
        return list(_numbers(text).items())
    return [(class_id, int(text))]


async def _greet(
    asked: Iterable[tuple[str | None, int]], begun: Iterable[str], connection: Connection
) -> Callable[[], None]:
    """Prepare what a reader has missed of each session, like the socket's parameter ``since``."""
    greetings: list[Callable[[], object]] = []
    for class_id, number in asked:
        try:
            greetings.append(await resume_one(connection, class_id, number))
        except NoActiveSessionError:
            greetings.append(partial(connection.tell, EventError(NO_SESSION)))
    for class_id in begun:
        with suppress(NoActiveSessionError):
            greetings.append(await resume_one(connection, class_id, 0))

    def greet() -> None:
        for each in greetings:
            each()

    return greet
