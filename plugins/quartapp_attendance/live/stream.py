"""The change stream of a process, with all changes of all sessions in the order of commits.

Each change is applied to the projection and then broadcast. All processes on all machines therefore
show the same order, and show only what is stored.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from pymongo.errors import OperationFailure, PyMongoError

from quartapp import DatabaseUnavailableError, Pauses
from quartapp_attendance.live.change import Change
from quartapp_attendance.live.states import SessionState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quartapp import Clock, Database
    from quartapp_attendance.live.projector import Projector
    from quartapp_attendance.metrics import AttendanceMetrics


# What a restore does to the collection before it puts documents back.
DROPPED = ("drop", "rename", "dropDatabase")

log = structlog.get_logger("quartapp.attendance")

PAUSES = Pauses(first=0.1, longest=2, random_part=0)


class SessionStream:
    """The reader of the change stream: reopens a broken stream, reloads after lost history.

    Args:
        database: The database that has the sessions.
        projector: Receiver of the changes.
        metrics: Metrics of roll calls.
        clock: Clock that measures the pauses after a failure.
    """

    def __init__(
        self,
        database: Database,
        projector: Projector,
        metrics: AttendanceMetrics,
        clock: Clock,
    ) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._projector = projector
        self._token: Mapping[str, Any] | None = None
        self._failures = 0
        self._opened: float | None = None
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Read the stream until cancelled."""
        while True:
            try:
                with self._database.outages():
                    await self._tail()
            except OperationFailure as error:
                # A resume token whose history is gone would fail for ever: start without a token.
                log.warning("change stream lost, reloading", code=error.code, reason=str(error))
                self._token = None
            except (PyMongoError, DatabaseUnavailableError) as error:
                log.warning("change stream interrupted", reason=str(error))
            except Exception as error:
                log.exception("change stream failed, reloading", exc_info=error)
                self._token = None
            # A stream that opens and breaks at once has not recovered.
            if self._opened is not None:
                lasted = self._clock.monotonic() - self._opened
                if lasted > PAUSES.longest:
                    self._failures = 0
            self._opened = None
            self._failures += 1
            await self._clock.sleep(PAUSES.after(self._failures))

    async def _tail(self) -> None:
        sessions = self._database.documents["sessions"]
        # Open the stream first and load second: changes in between come twice, and seq skips the
        # repeats.
        async with await sessions.watch(resume_after=self._token) as stream:
            if self._token is None:
                await self._projector.reload()
            self.ready.set()
            self._opened = self._clock.monotonic()
            async for change in stream:
                await self._take(change)
                self._token = stream.resume_token
        self._token = None

    async def _take(self, change: Any) -> None:  # noqa: ANN401 - a change stream document
        self._metrics.arrived(change.get("wallTime"), self._clock.time())
        kind = change["operationType"]
        if kind == "update":
            fields = change["updateDescription"]["updatedFields"]
            session_id = change["documentKey"]["_id"]
            if "seq" in fields:
                await self._projector.apply(Change.from_fields(session_id, fields))
            elif fields.get("state") == SessionState.CLOSING:
                await self._projector.close(session_id)
        elif kind == "insert":
            await self._projector.insert(change["fullDocument"])
        elif kind == "delete":
            await self._projector.remove(change["documentKey"]["_id"])
        elif kind == "replace":
            # The server never replaces a document, but somebody who repairs data by hand may.
            await self._projector.reload()
        elif kind in DROPPED:
            # The stream ends after this change; the next one begins with all sessions.
            log.warning("the sessions in the database were dropped: loading them anew", kind=kind)
