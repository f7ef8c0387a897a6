"""The hook of the classes plugin, for those that know rolls better than we do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp.hooks.specs import hookspec

if TYPE_CHECKING:
    from quartapp_classes.rolls import ClassInfo, Roll


@hookspec
def roster(class_room: ClassInfo) -> Roll | None:
    """Who is on the roll: at each mark, and at the end of a session. First answer.

    The classes plugin answers last, with the roll that is kept here. Marks wait for the answer: a
    plugin that asks another system keeps a copy.

    Example:
        >>> @hookimpl
        ... async def roster(self, class_room):
        ...     members = await self.directory.members(class_room.document.get("sourcedId"))
        ...     return Roll(frozenset(members)) if members is not None else None
    """
