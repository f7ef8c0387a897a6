"""Calls of the attendance plugin's hooks."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from quartapp import HookFailedError, PluginError
from quartapp_attendance.errors import MarkRefusedError, UnknownAudienceError
from quartapp_attendance.statuses import Status, StatusRegistry, Violation

log = structlog.get_logger("quartapp.attendance")

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from quart import Quart

    from quartapp import Plugins
    from quartapp_attendance.audiences import Members
    from quartapp_attendance.live.session import SessionInfo
    from quartapp_attendance.statuses import Mark


class AttendanceHooks:
    """The calls of the hooks, one method for each.

    Args:
        plugins: The plugins that implement the hooks.
        app: The app under construction.
        members: People of the classes.

    Raises:
        QuartappError: A status or an audience is registered twice, or is invalid.
    """

    def __init__(self, plugins: Plugins, app: Quart, members: Members) -> None:
        self.plugins = plugins
        self.statuses = StatusRegistry()
        for owner, brought in plugins.dispatcher.collect_now("register_statuses", app=app):
            if not isinstance(brought, (list, tuple)):
                raise PluginError(
                    f"plugin {owner}: register_statuses must return a list, "
                    f"got {type(brought).__name__}"
                )
            for status in brought:
                if not isinstance(status, Status):
                    raise PluginError(
                        f"plugin {owner}: register_statuses must return a list of Status, "
                        f"got {type(status).__name__}"
                    )
                self.statuses.add(status, str(owner))
        self._audiences = {"class": members.of_session, "teachers": members.teachers_of}
        for owner, brought in plugins.dispatcher.collect_now("register_audiences", app=app):
            for audience in brought:
                if audience.name in self._audiences:
                    raise PluginError(f"plugin {owner}: the audience {audience.name} is taken")
                self._audiences[audience.name] = audience.members

    async def audience(self, name: str, session: SessionInfo) -> Collection[str]:
        """Return the ids of the users in an audience at this moment.

        Args:
            name: Name of the audience.
            session: The session.

        Raises:
            UnknownAudienceError: No plugin registers an audience with that name.
        """
        if name not in self._audiences:
            raise UnknownAudienceError(name)
        return await self._audiences[name](session)

    async def final_statuses(
        self, session: SessionInfo, student_ids: Iterable[str]
    ) -> dict[str, str]:
        """Return the statuses that plugins choose for unmarked students.

        The failure of a plugin is logged and leaves its students absent: no plugin can hold up the
        end of a session.

        Args:
            session: The session, which is being closed.
            student_ids: Ids of the unmarked students.

        Returns:
            The chosen statuses, by student id; students without a choice are left out.
        """
        chosen: dict[str, str] = {}
        if not self.plugins.dispatcher.implementations("final_status"):
            return chosen
        for student_id in student_ids:
            given: dict[str, Any] = {"session": session, "student_id": student_id}
            try:
                found = await self.plugins.dispatcher.first("final_status", **given)
            except HookFailedError as error:
                log.error("hook failed", reason=str(error), exc_info=error.__cause__)
                continue
            if found is None:
                continue
            owner, code = found
            if code in self.statuses:
                chosen[student_id] = code
            else:
                log.error(
                    "hook failed", reason=f"plugin {owner}: final_status: {code!r} is no status"
                )
        return chosen

    @property
    def ask_of_marks(self) -> bool:
        """Whether a plugin is asked about marks before they are stored."""
        found = self.plugins.dispatcher.implementations
        return bool(found("check_mark") or found("attendance_status"))

    async def accepted_of(
        self, session: SessionInfo, marks: Iterable[Mark], before: Mapping[str, Mark]
    ) -> list[Mark]:
        """Return those of some marks that no plugin refuses, as they are to be stored.

        Args:
            session: The session.
            marks: The marks as they are wanted.
            before: Marks by student id. Where plugins have to be asked, students with a mark are
                left out.

        Raises:
            HookFailedError: A plugin raised, hung, or returned a wrong type.
        """
        if not self.ask_of_marks:
            return list(marks)
        accepted = []
        for mark in marks:
            if mark.student_id not in before:
                with suppress(MarkRefusedError):
                    accepted.append(await self.accepted(session, mark, None))
        return accepted

    async def accepted(self, session: SessionInfo, mark: Mark, before: Mark | None) -> Mark:
        """Return the mark to store.

        Args:
            session: The session.
            mark: The mark as it was sent.
            before: The student's mark up to now, as far as this process knows; None for the first.

        Raises:
            MarkRefusedError: A plugin refuses the mark.
            HookFailedError: A plugin raised, hung, or returned a wrong type.
        """
        given: dict[str, Any] = {
            "session": session,
            "student_id": mark.student_id,
            "mark": mark,
            "before": before,
        }
        for owner, violation in await self.plugins.dispatcher.collect("check_mark", **given):
            if not isinstance(violation, Violation):
                raise HookFailedError(f"plugin {owner}: check_mark must return Violation or None")
            self.plugins.messages.refused(violation.message, owner)
            raise MarkRefusedError(violation.message)
        if mark.status is None:
            return mark
        found = await self.plugins.dispatcher.first("attendance_status", **given)
        if found is None:
            return mark
        owner, code = found
        if not isinstance(code, str):
            raise HookFailedError(
                f"plugin {owner}: attendance_status must return a status or None, "
                f"got {type(code).__name__}"
            )
        if code not in self.statuses:
            raise HookFailedError(f"plugin {owner}: attendance_status: {code!r} is no status")
        return replace(mark, status=code)
