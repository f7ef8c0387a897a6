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
    """Return the roll of a class; called for each mark and at the end of a session. First answer.

    The classes plugin answers last, with the roll in the database. Marks wait for the answer, so a
    plugin that asks another system should keep a copy.

    Example:
        >>> @hookimpl
        ... async def roster(self, class_room):
        ...     members = await self.directory.members(class_room.document.get("sourcedId"))
        ...     return Roll(frozenset(members)) if members is not None else None
    """


@hookspec
def classes_of(student_id: str) -> Iterable[str] | None:
    """Return the ids of classes that may have the student on their rolls. Collected.

    This hook is the inverse of ``roster``, so a plugin that answers ``roster`` has to answer
    both. Each returned class is checked with ``roster``: a superfluous id does no harm, and a
    missing one hides the class from the student.

    Example:
        >>> @hookimpl
        ... async def classes_of(self, student_id):
        ...     return await self.directory.classes_of(student_id)
    """


@hookspec
def check_deletion(class_id: str, with_records: bool) -> Decision | None:
    """Decide before a class is deleted whether data of the plugin forbids it. Decided.

    ``with_records`` tells whether the records of the class are to be deleted too. The reason of a
    ``Deny`` is answered with status 409; it has to be one of the plugin's ``messages``.

    Example:
        >>> @hookimpl
        ... async def check_deletion(self, class_id, with_records):
        ...     if await self.library.lent_to(class_id):
        ...         return Deny("class has books of the library")
    """


@hookspec
def members_changed(class_ids: list[str]) -> None:
    """Act on changed rolls or teachers before whoever changed them is answered. Collected.

    The change is stored by then. So a plugin that works with a copy of a roll can make sure that
    nobody who was told of the change meets the earlier roll. A failure is answered with status 500
    or 503, although the change is stored. If the process dies in between, the hook is not called,
    and nobody was answered.

    Args:
        class_ids: ``_id`` of each class whose roll or teachers may have changed.

    Example:
        >>> @hookimpl
        ... async def members_changed(self, class_ids):
        ...     await self.lists.mark_outdated(class_ids)
    """


@hookspec
def clear_class(class_id: str, with_records: bool) -> None:
    """Delete the data that depends on a class, before the class itself is deleted. Collected.

    Called when no plugin forbids the deletion. A failure keeps the class, and is answered with
    status 500 or 503. The request can be repeated, so an implementation has to be safe to repeat.
    This order leaves no data behind when a process dies half way, as a clean-up after the deletion
    might.

    Args:
        class_id: ``_id`` of the class.
        with_records: Whether to delete the records of the class too. When False, the class has
            none.

    Example:
        >>> @hookimpl
        ... async def clear_class(self, class_id):
        ...     await self.notes.delete_many({"classId": class_id})
    """
