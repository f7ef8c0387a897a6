"""The attendance plugin's hooks, called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from quartapp import HookFailedError, PluginError
from quartapp_attendance.errors import MarkRefusedError
from quartapp_attendance.statuses import Status, StatusRegistry, Violation

if TYPE_CHECKING:
    from quart import Quart

    from quartapp import Plugins
    from quartapp_attendance.live.session import SessionInfo
    from quartapp_attendance.statuses import Mark


class AttendanceHooks:
    """One method per hook.

    Args:
        plugins: Who implements them.
        app: The app under construction.

    Raises:
        QuartappError: A status is brought twice, or is none.
    """

    def __init__(self, plugins: Plugins, app: Quart) -> None:
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

    async def accepted(self, session: SessionInfo, mark: Mark) -> Mark:
        """The mark to store for ``mark``.

        Raises:
            MarkRefusedError: Something speaks against it.
            HookFailedError: A plugin raised, hung, or returned something else.
        """
        given: dict[str, Any] = {"session": session, "student_id": mark.student_id, "mark": mark}
        for owner, violation in await self.plugins.dispatcher.collect("check_mark", **given):
            if not isinstance(violation, Violation):
                raise HookFailedError(f"plugin {owner}: check_mark must return Violation or None")
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
