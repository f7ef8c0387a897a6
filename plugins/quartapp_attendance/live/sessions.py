"""The live sessions of this process."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

from quartapp_attendance.live.session import resolve
from quartapp_attendance.live.states import LIVE, SessionState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bson import ObjectId

    from quartapp import Clock
    from quartapp_attendance.live.session import ActiveSession


# Number of ended sessions that are remembered, so that nobody waits for one of them to begin.
REMEMBERED = 256
# Number of ended sessions whose last broadcasts are kept for clients that reconnect.
KEPT = 32


class LiveSessions:
    """The sessions that are live, as far as this process knows.

    Args:
        clock: Clock that measures the wait for a session.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_id: dict[ObjectId, ActiveSession] = {}
        self._arrivals: dict[ObjectId, list[asyncio.Future[None]]] = {}
        self._gone: deque[ObjectId] = deque(maxlen=REMEMBERED)
        self._ended: deque[ActiveSession] = deque(maxlen=KEPT)

    def __iter__(self) -> Iterator[ActiveSession]:
        return iter(list(self._by_id.values()))

    def get(self, session_id: ObjectId) -> ActiveSession | None:
        """Return a live session; None when this process knows no live one with that id.

        Args:
            session_id: ``_id`` of the session.
        """
        return self._by_id.get(session_id)

    def add(self, session: ActiveSession) -> None:
        """Add a session that has begun."""
        self._by_id[session.id] = session
        for future in self._arrivals.pop(session.id, ()):
            resolve(future)

    def remove(self, session: ActiveSession) -> None:
        """Remove a session that is over."""
        self._by_id.pop(session.id, None)
        self._gone.append(session.id)
        self._ended.append(session)
        session.end()

    def taken_back(self, session_id: ObjectId) -> ActiveSession | None:
        """Return a session, live again, whose document was gone for a while.

        Args:
            session_id: ``_id`` of the session.

        Returns:
            The session as this process knew it; None when no such session was removed recently.
        """
        for session in self._ended:
            if session.id == session_id and session.state in LIVE:
                self._ended.remove(session)
                session.over = False
                self.add(session)
                return session
        return None

    def left(self, user_id: str, seq: int, class_id: str | None) -> ActiveSession | None:
        """Return an ended or ending session that a user followed up to a number.

        Args:
            user_id: Id of a user who got the broadcasts of the session.
            seq: A number of the session.
            class_id: ``_id`` of the session's class; None for any class. Two classes that start at
                one moment can share numbers, as ``MARK_REST`` takes many.

        Returns:
            The session; None when no recently ended session has that number, or its broadcasts
            after the number are no longer kept.
        """
        for session in chain(self, reversed(self._ended)):
            if class_id is not None and str(session.class_id) != class_id.lower():
                continue
            concerned = session.audience is None or user_id in session.audience
            known = 0 < seq <= session.seq and session.broadcasts.knows(seq)
            if (session.over or session.state != SessionState.ACTIVE) and concerned and known:
                return session
        return None

    def concerning(self, user_id: str) -> set[str]:
        """Return the classes of the live sessions whose broadcasts a user gets.

        Args:
            user_id: Id of the user.
        """
        return {
            str(session.class_id)
            for session in self
            if session.audience is None or user_id in session.audience
        }

    async def arrival(self, session_id: ObjectId, seconds: float) -> ActiveSession | None:
        """Wait for a session that the stream has not reported yet.

        Args:
            session_id: ``_id`` of the session.
            seconds: Longest time to wait, in seconds.

        Returns:
            The session; None when it does not come in time, or is over.
        """
        if session_id not in self._by_id and session_id not in self._gone:
            future = asyncio.get_running_loop().create_future()
            self._arrivals.setdefault(session_id, []).append(future)
            try:
                await self._clock.wait_for(future, seconds)
            except TimeoutError:
                waiting = self._arrivals.get(session_id, [])
                if future in waiting:
                    waiting.remove(future)
                if not waiting:
                    self._arrivals.pop(session_id, None)
        return self._by_id.get(session_id)
