"""The hooks of the classes plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import hookspec

if TYPE_CHECKING:
    from quartapp import Decision
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


@hookspec
def check_deletion(class_id: str, with_records: bool) -> Decision | None:
    """A class is about to be deleted: whether something hangs on it that has to stay. Decided.

    ``with_records`` says that the records of the class may go with it. The reason of a ``Deny`` is
    answered as 409; it is one of the plugin's ``messages``.

    Example:
        >>> @hookimpl
        ... async def check_deletion(self, class_id, with_records):
        ...     if await self.library.lent_to(class_id):
        ...         return Deny("class has books of the library")
    """
