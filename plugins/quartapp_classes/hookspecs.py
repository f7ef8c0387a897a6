"""The hooks of the classes plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable

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
def classes_of(student_id: str) -> Iterable[str] | None:
    """Ids of the classes that a student may be in: the way back from ``roster``. Collected.

    A plugin that answers ``roster`` answers this too. Each class that is named is looked up with
    ``roster``: one too many does no harm, one too few is missing from the student's classes.

    Example:
        >>> @hookimpl
        ... async def classes_of(self, student_id):
        ...     return await self.directory.classes_of(student_id)
    """


@hookspec
def check_deletion(class_id: str, with_records: bool) -> Decision | None:
    """Before a class is deleted: whether something hangs on the class that has to stay. Decided.

    ``with_records`` says that the records of the class may go with it. The reason of a ``Deny`` is
    answered as 409; it is one of the plugin's ``messages``.

    Example:
        >>> @hookimpl
        ... async def check_deletion(self, class_id, with_records):
        ...     if await self.library.lent_to(class_id):
        ...         return Deny("class has books of the library")
    """


@hookspec
def clear_class(class_id: str, with_records: bool) -> None:
    """Before a class is deleted, and once nothing keeps it: delete what hangs on it. Collected.

    A failure keeps the class, and is answered with 500 or 503; the request can be repeated, so an
    implementation has to be safe to repeat. Nothing is left over when a process dies half way, as
    it could be if this were done after the class is gone.

    Args:
        class_id: ``_id`` of the class.
        with_records: Whether records of the class are to go too; nothing has any when False.

    Example:
        >>> @hookimpl
        ... async def clear_class(self, class_id):
        ...     await self.notes.delete_many({"classId": class_id})
    """
