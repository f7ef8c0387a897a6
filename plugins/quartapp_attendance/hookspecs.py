"""The hooks of the attendance plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from quart import Quart

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
def check_mark(session: SessionInfo, student_id: str, mark: Mark) -> Violation | None:
    """A mark arrives, before it is stored: what speaks against it. Collected.

    Any violation refuses the mark; the sender gets the first one's message.

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
