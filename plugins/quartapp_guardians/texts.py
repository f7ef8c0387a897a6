"""The texts of notices, in the languages of guardians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

Language = Literal["en", "de"]

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Told:
    """A lesson in a notice.

    Attributes:
        class_name: Name of the class.
        time: Local time of the start, such as ``09:45``; None where nobody knows it.
    """

    class_name: str
    time: str | None


def notice_text(
    language: str, guardian: str, student: str, day: date, lessons: Sequence[Told], school: str
) -> tuple[str, str]:
    """Return the subject and the text of a notice.

    Args:
        language: Language of the guardian; any but ``de`` is English.
        guardian: Name of the guardian.
        student: Name of the student.
        day: The local day.
        lessons: The lessons in which the student was absent.
        school: Name of the institution; empty for none.
    """
    return (_german if language == "de" else _english)(guardian, student, day, lessons, school)


def _english(
    guardian: str, student: str, day: date, lessons: Sequence[Told], school: str
) -> tuple[str, str]:
    when = f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    text = f"""\
Dear {guardian},

{student} was marked absent on {when}:

{_list(lessons, "at")}

If you know of this absence, you need do nothing but tell the school
the reason, unless you have done so. If you do not, please call the school.
"""
    return f"{student} was absent on {when}", text + _signed(school)


def _german(
    guardian: str, student: str, day: date, lessons: Sequence[Told], school: str
) -> tuple[str, str]:
    when = f"{day:%d.%m.%Y}"
    text = f"""\
Guten Tag {guardian},

{student} hat am {when} gefehlt:

{_list(lessons, "um")}

Wenn Sie davon wissen, teilen Sie der Schule bitte den Grund mit, falls
Sie es noch nicht getan haben. Wenn nicht, rufen Sie bitte in der Schule an.
"""
    return f"{student} hat am {when} gefehlt", text + _signed(school)


def _list(lessons: Sequence[Told], at: str) -> str:
    return "\n".join(
        f"* {one.class_name}" + ("" if one.time is None else f", {at} {one.time}")
        for one in lessons
    )


def _signed(school: str) -> str:
    return f"\n{school}\n" if school else ""
