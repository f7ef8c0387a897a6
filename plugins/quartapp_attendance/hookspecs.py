"""The hooks of the attendance plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quart import Quart

    from quartapp_attendance.audiences import Audience
    from quartapp_attendance.live.session import SessionInfo
    from quartapp_attendance.statuses import Mark, Status, Violation


@hookspec
def register_statuses(app: Quart) -> Iterable[Status]:
    """At build: statuses beside ``present`` and ``absent``. Collected.

    Example:
        >>> @hookimpl
        ... def register_statuses(self):
        ...     return [Status(code="remote", label="Remote", counts_as="present")]
    """
    raise NotImplementedError


@hookspec
def register_audiences(app: Quart) -> Iterable[Audience]:
    """At build: groups of people to whom a plugin may show something. Collected.

    ``AttendanceService.show(..., to="parents")`` shows an event to an audience. There are ``class``
    and ``teachers``; ``members`` is asked at each event, and returns the ids of users.

    Example:
        >>> @hookimpl
        ... def register_audiences(self):
        ...     return [Audience("parents", self.parents_of)]
    """
    raise NotImplementedError


@hookspec
def check_mark(
    session: SessionInfo, student_id: str, mark: Mark, before: Mark | None
) -> Violation | None:
    """A mark arrives, before it is stored: what speaks against it. Collected.

    Any violation refuses the mark; the sender gets the first one's message. ``before`` is the
    student's mark up to now, as far as this process has seen; None for the first.

    Example:
        >>> @hookimpl
        ... def check_mark(self, session, student_id, mark):
        ...     if utc_now() - session.started_at > timedelta(minutes=15):
        ...         return Violation("Too late to be marked")
    """


@hookspec
def attendance_status(session: SessionInfo, student_id: str, mark: Mark) -> str | None:
    """A mark that nothing speaks against: the code of the status to store. First answer.

    The status as it was given is the last answer.

    Example:
        >>> @hookimpl
        ... def attendance_status(self, session, student_id, mark):
        ...     late = utc_now() - session.started_at > self.grace
        ...     return "late" if late and mark.status == "present" else None
    """


@hookspec
def final_status(session: SessionInfo, student_id: str) -> str | None:
    """At DONE, for each student whom nobody marked: the code of the status to store. First answer.

    None leaves the student absent, and so does a failure, which is logged: the end of a roll call
    waits for nobody. The record says ``via: "unmarked"``, so that an absence that somebody noted
    and one that nobody spoke of differ.

    Example:
        >>> @hookimpl
        ... async def final_status(self, session, student_id):
        ...     return "excused" if await self.excuses.has(student_id) else None
    """
