"""What every table of a class has: a range of days, and a row for each student, by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from quartapp import core
from quartapp_auth import People
from quartapp_classes import Rolls, sort_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bson import ObjectId

    from quartapp_classes import ClassRoom

# A year without its first day, which the year before had.
USUAL_RANGE = timedelta(days=364)


@dataclass(frozen=True, slots=True)
class NamedStudent:
    """A student in a table.

    Attributes:
        id: ``_id`` of the student.
        display_name: Name of the student; None for an account that is gone.
        sort_name: Name by which the table is sorted; None for an account that is gone.
    """

    id: ObjectId
    display_name: str | None
    sort_name: str | None


def asked_days(first: date | None, last: date | None, today: date) -> tuple[date, date]:
    """Return the days of a table: up to today and over a year, unless both ends are given.

    Args:
        first: First day; None for the usual one.
        last: Last day; None for today, or ``first`` if that is later.
        today: The local day.
    """
    end = last or max(today, first or today)
    return first or max(end, date.min + USUAL_RANGE) - USUAL_RANGE, end


async def named_students(class_room: ClassRoom, others: Iterable[ObjectId]) -> list[NamedStudent]:
    """Return the students on the roll of a class and others, sorted by name.

    Args:
        class_room: The class.
        others: Ids of students who may have left the class.

    Raises:
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    services = core().services
    students = {*others, *await services.get(Rolls).members(class_room)}
    people = services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
    names = await people.contacts(students)
    found = []
    for student in students:
        name = names[student].display_name if student in names else None
        found.append(NamedStudent(student, name, None if name is None else sort_name(name)))
    return sorted(found, key=lambda one: ((one.sort_name or "").casefold(), one.id))
