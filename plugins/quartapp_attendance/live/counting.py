"""What a summary counts: the marks of those students who are on the roll.

A student may be taken off the roll after the mark. Only MongoDB knows, at the moment of an update,
who has a mark, and only the writer knows who is on the roll. So an update with a summary notes, in
the document, who has a mark and is off the roll; every process then counts the same marks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from quartapp import Document

SUMMARY_KIND = "summary"
OFF_ROLL = "offRoll"


def off_roll(student_ids: Iterable[str]) -> Document:
    """Return the expression for the ids of those who have a mark and are off the roll, as a text.

    Of a list the change stream would report the parts that differ; a text is reported as a whole.
    The text begins with an id of its own, so that it always differs from the one before.

    Args:
        student_ids: Ids of the students on the roll.
    """
    marked = {"$map": {"input": {"$objectToArray": "$attendance"}, "in": "$$this.k"}}
    return {
        "$reduce": {
            "input": {"$setDifference": [marked, {"$literal": list(student_ids)}]},
            "initialValue": f"{ObjectId()}:",
            "in": {"$concat": ["$$value", "$$this", ","]},
        }
    }


def with_off_roll(entries: Iterable[Document], text: str) -> tuple[Document, ...]:
    """Return the entries of an update, whose summaries say whom they leave out.

    Args:
        entries: The entries.
        text: The text of :func:`off_roll`, evaluated.
    """
    left_out = frozenset(filter(None, text.partition(":")[2].split(",")))
    return tuple(
        {**entry, OFF_ROLL: left_out} if entry["kind"] == SUMMARY_KIND else entry
        for entry in entries
    )


def counted(attendance: dict[str, str], left_out: Collection[str]) -> list[str]:
    """Return the statuses that are counted.

    Args:
        attendance: Statuses by student id.
        left_out: Ids of students who have a mark and are off the roll.
    """
    return [status for student, status in attendance.items() if student not in left_out]
