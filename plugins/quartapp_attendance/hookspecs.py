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
    """Return the statuses to add to ``present`` and ``absent``; called at build. Collected.

    Example:
        >>> @hookimpl
        ... def register_statuses(self):
        ...     return [Status(code="remote", label="Remote", counts_as="present")]
    """
    raise NotImplementedError


@hookspec
def register_audiences(app: Quart) -> Iterable[Audience]:
    """Return groups of people to whom plugins can show events; called at build. Collected.

    ``AttendanceService.show(..., to="parents")`` shows an event to an audience. The audiences
    ``class`` and ``teachers`` exist already. ``members`` is called for each event, and returns the
    ids of users.

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
    """Return a violation to refuse a mark; called before the mark is stored. Collected.

    Any violation refuses the mark; the sender gets the message of the first one. ``before`` is the
    student's mark up to now, as far as this process knows; None for the first mark. The status of
    ``mark`` is None when the sender takes the student's mark back.

    Example:
        >>> @hookimpl
        ... def check_mark(self, session, student_id, mark):
        ...     if utc_now() - session.started_at > timedelta(minutes=15):
        ...         return Violation("Too late to be marked")
    """


@hookspec
def attendance_status(
    session: SessionInfo, student_id: str, mark: Mark, before: Mark | None
) -> str | None:
    """Return the code of the status to store for a mark that no plugin refuses. First answer.

    Without an answer, the status is stored as sent. ``before`` is the student's mark up to now, as
    for ``check_mark``: what follows a first mark is a correction or a repetition. A mark that is
    taken back has no status, and this hook is not called.

    Example:
        >>> @hookimpl
        ... def attendance_status(self, session, student_id, mark, before):
        ...     late = utc_now() - session.started_at > self.grace
        ...     return "late" if late and before is None and mark.status == "present" else None
    """


@hookspec
def final_status(session: SessionInfo, student_id: str) -> str | None:
    """Return the code of the status for an unmarked student; called for each at DONE. First answer.

    None leaves the student absent, and so does a failure, which is logged: no plugin can hold up
    the end of a session. The record has ``via: "unmarked"``, which tells an absence by default from
    an absence that somebody marked.

    Example:
        >>> @hookimpl
        ... async def final_status(self, session, student_id):
        ...     return "excused" if await self.excuses.has(student_id) else None
    """
