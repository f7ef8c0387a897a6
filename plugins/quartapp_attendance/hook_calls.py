"""The attendance plugin's hooks, called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog
from bson import ObjectId

from quartapp import HookFailedError, PluginError
from quartapp_attendance.errors import MarkRefusedError, UnknownAudienceError
from quartapp_attendance.statuses import Status, StatusRegistry, Violation

log = structlog.get_logger("quartapp.attendance")

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from quart import Quart

    from quartapp import Plugins
    from quartapp_attendance.live.session import SessionInfo
    from quartapp_attendance.statuses import Mark
    from quartapp_classes import Rolls


class AttendanceHooks:
    """One method per hook.

    Args:
        plugins: Who implements them.
        app: The app under construction.
        rolls: Who is in a class.

    Raises:
        QuartappError: A status or an audience is brought twice, or is none.
    """

    def __init__(self, plugins: Plugins, app: Quart, rolls: Rolls) -> None:
        self.plugins = plugins
        self._rolls = rolls
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
        self._audiences = {"class": self._class, "teachers": _teachers}
        for owner, brought in plugins.dispatcher.collect_now("register_audiences", app=app):
            for audience in brought:
                if audience.name in self._audiences:
                    raise PluginError(f"plugin {owner}: the audience {audience.name} is taken")
                self._audiences[audience.name] = audience.members

    async def audience(self, name: str, session: SessionInfo) -> Collection[str]:
        """Return the ids of the users of an audience, as they are now.

        Args:
            name: Name of the audience.
            session: Whose audience.

        Raises:
            UnknownAudienceError: No plugin registers one of that name.
        """
        if name not in self._audiences:
            raise UnknownAudienceError(name)
        return await self._audiences[name](session)

    async def _class(self, session: SessionInfo) -> Collection[str]:
        roll = await self._rolls.now(ObjectId(session.class_id))
        return roll.student_ids | {session.teacher_id}

    async def final_statuses(
        self, session: SessionInfo, student_ids: Iterable[str]
    ) -> dict[str, str]:
        """Return the statuses that plugins choose for students whom nobody marked.

        A plugin that fails is logged, and its students are absent: the end of a roll call waits for
        nobody.

        Args:
            session: The session, which is being closed.
            student_ids: The unmarked.

        Returns:
            Status by student id, of those for whom a plugin has one.
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

    async def accepted(self, session: SessionInfo, mark: Mark, before: Mark | None) -> Mark:
        """Return the mark to store for ``mark``.

        Args:
            session: Where the mark belongs.
            mark: The mark as it was sent.
            before: The student's mark up to now, as far as this process has seen.

        Raises:
            MarkRefusedError: Something speaks against it.
            HookFailedError: A plugin raised, hung, or returned something else.
        """
        given: dict[str, Any] = {"session": session, "student_id": mark.student_id, "mark": mark}
        asked = {**given, "before": before}
        for owner, violation in await self.plugins.dispatcher.collect("check_mark", **asked):
            if not isinstance(violation, Violation):
                raise HookFailedError(f"plugin {owner}: check_mark must return Violation or None")
            self.plugins.messages.refused(violation.message, owner)
            raise MarkRefusedError(violation.message)
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


async def _teachers(session: SessionInfo) -> Collection[str]:
    return (session.teacher_id,)
