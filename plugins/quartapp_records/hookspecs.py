"""The hook of the records plugin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quartapp import hookspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date


@dataclass(frozen=True, slots=True)
class KnownExcuse:
    """What a plugin knows of the excuse of a student on a day.

    Attributes:
        id: Id of the excuse, by which the plugin finds it.
        state: State of the excuse, a word such as ``open`` or ``accepted``.
    """

    id: str
    state: str


@hookspec
def excuses_on(day: date, student_ids: Collection[str]) -> Mapping[str, KnownExcuse] | None:
    """Return the excuses of students on a day, by the id of the student. Collected.

    Called for each page of a list of absences; students without an excuse are left out. Of several
    answers for a student, the first counts.

    Example:
        >>> @hookimpl
        ... async def excuses_on(self, day, student_ids):
        ...     found = await self.letters.of(day, student_ids)
        ...     return {one.student: KnownExcuse(one.id, "accepted") for one in found}
    """
