"""The update that marks everybody on the roll who has no mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId

from quartapp_attendance.live.references import REFERENCES_PREFIX, counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from quartapp import Document
    from quartapp_attendance.live.references import Reference


def rest_update(
    marks: Mapping[str, Document], roll_version: int | None, reference: Reference | None
) -> list[Document]:
    """Return the update that stores marks for those students who have none.

    Args:
        marks: The marks to store, by student id.
        roll_version: Version of the roll that has the students.
        reference: Reference of the frame; None without one.
    """
    # MongoDB adds to the marks those of unmarked students, and counts them, in the update itself.
    # The change stream reports the new marks; a text is reported as a whole.
    taken = {"$map": {"input": {"$objectToArray": "$attendance"}, "in": "$$this.k"}}
    fresh = {"$size": {"$setDifference": [{"$literal": list(marks)}, taken]}}
    fields: Document = {
        "seq": {"$add": ["$seq", "$fresh"]},
        "attendance": {"$mergeObjects": [{"$literal": dict(marks)}, "$attendance"]},
        "rest": {"$concat": [f"{ObjectId()}:", {"$toString": "$fresh"}]},
        "rollVersion": {"$literal": roll_version},
    }
    if reference is not None:
        fields[REFERENCES_PREFIX + reference.key] = {
            "seq": {"$add": ["$seq", "$fresh"]},
            "entry": {"kind": "rest", "marked": "$fresh"},
        }
        fields["refCount"] = counted(1)
    return [{"$set": {"fresh": fresh}}, {"$set": fields}, {"$unset": "fresh"}]
