"""The directory of students: whom a teacher may list, and who sees whose address."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from quartapp import name_key, object_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bson import ObjectId

    from quartapp import Principal
    from quartapp_auth import Contact, People, User
    from quartapp_classes.models import ClassRoom
    from quartapp_classes.service import ClassService
    from quartapp_classes.settings import ClassesSettings

# Length of a page, unless everybody may register.
PAGE = 100
# Students that are read at once, until a page is full.
_READ = 500


class StudentDirectory:
    """The directory of students.

    Args:
        people: Names and roles of students.
        classes: The classes, whose teachers know their students.
        settings: Settings of the plugin.
        is_open: Whether everybody may register, so that the directory hides nothing by default.
    """

    def __init__(
        self, people: People, classes: ClassService, settings: ClassesSettings, *, is_open: bool
    ) -> None:
        self._people = people
        self._classes = classes
        by_default = "all" if is_open else "classes"
        self._is_whole = (settings.directory or by_default) == "all"
        self._shows_addresses = is_open if settings.show_emails is None else settings.show_emails
        self._has_pages = not is_open

    async def students(
        self,
        reader: Principal,
        search: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[User]:
        """Return the students whom somebody may see, sorted by ``_id``.

        Args:
            reader: Whoever asks. A person who manages every class may see all students; others see
                the students of their classes, and those whom the search names exactly.
            search: Start of any word of a name, or of an address; None for every student.
            limit: Largest number of students; None for no limit but that of a page.
            after: ``_id`` after which the list starts; None for the beginning.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        most = min(limit or PAGE, PAGE) if self._has_pages else limit
        if self._is_whole or self._classes.manages(reader):
            return await self._people.students(search, most, after)
        known = {
            student
            for class_room in await self._classes.of(reader)
            for student in class_room.students_ids
        }
        return await self._among(known, search, most, after)

    async def _among(
        self, known: set[ObjectId], search: str | None, most: int | None, after: str | None
    ) -> list[User]:
        if not known and search is None:
            return []
        found: list[User] = []
        while most is None or len(found) < most:
            read = await self._people.students(search, _READ, after)
            found += [one for one in read if one.id in known or _is_named(one, search)]
            if len(read) < _READ:
                break
            after = str(read[-1].id)
        return found[:most]

    def seen(
        self, people: Iterable[Contact | None], class_room: ClassRoom, reader: Principal
    ) -> list[Contact | None]:
        """Return people of a class as somebody sees them: with or without their addresses.

        Args:
            people: The people; None for a deleted account.
            class_room: The class.
            reader: Somebody who may read the class. Those on the roll see names and their own
                address, unless the settings show all addresses.
        """
        own = object_id(reader.id)
        if self._shows_addresses or own not in class_room.students_ids:
            return list(people)
        return [one if one is None or one.id == own else replace(one, email=None) for one in people]


def _is_named(student: User, search: str | None) -> bool:
    """Tell whether a search is the whole address or the whole name of a student."""
    if search is None:
        return False
    address = search.strip().lower()
    return address == student.email or name_key(search) == name_key(student.display_name)
