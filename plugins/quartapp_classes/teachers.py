"""The teachers of a class: the primary teacher, and co-teachers, some of them up to a date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from bson import ObjectId

    from quartapp import Document

CO_TEACHERS = "coTeachers"


@dataclass(frozen=True, slots=True)
class CoTeacher:
    """A co-teacher of a class.

    Attributes:
        user_id: Id of the co-teacher.
        until: Last local day of a substitute, as an ISO date; None for a co-teacher without an end.
    """

    user_id: ObjectId
    until: str | None = None

    def teaches_on(self, day: date) -> bool:
        """Tell whether the co-teacher teaches the class on a local day."""
        return self.until is None or self.until >= day.isoformat()


@dataclass(frozen=True, slots=True)
class Teachers:
    """The teachers that a class document names.

    Attributes:
        primary: Id of the primary teacher, who owns the class.
        others: The co-teachers, also those whose last day has passed.
    """

    primary: ObjectId
    others: tuple[CoTeacher, ...] = ()

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Teachers:
        """Return the teachers of a class.

        Args:
            document: The class as stored, with ``teacherId`` and ``coTeachers``.
        """
        others = (CoTeacher(o["userId"], o.get("until")) for o in document.get(CO_TEACHERS) or ())
        return cls(document["teacherId"], tuple(others))

    def others_on(self, day: date) -> list[CoTeacher]:
        """Return the co-teachers who teach on a local day."""
        return [other for other in self.others if other.teaches_on(day)]

    def on(self, day: date) -> frozenset[str]:
        """Return the ids of all who teach the class on a local day."""
        return frozenset({str(self.primary), *(str(o.user_id) for o in self.others_on(day))})


def co_taught_by(user_id: ObjectId, day: date) -> Document:
    """Return the query that finds the classes of which a user is a co-teacher on a local day."""
    return {CO_TEACHERS: {"$elemMatch": {"userId": user_id, **_in_force(day)}}}


def taught_by(user_id: ObjectId, day: date) -> Document:
    """Return the query that finds the classes that a user teaches on a local day."""
    return {"$or": [{"teacherId": user_id}, co_taught_by(user_id, day)]}


def others_without(user_id: ObjectId, day: date) -> Document:
    """Return the expression for the co-teachers in force on a local day, without one user."""
    until = {"$ifNull": ["$$other.until", day.isoformat()]}
    kept = [{"$ne": ["$$other.userId", user_id]}, {"$gte": [until, day.isoformat()]}]
    present = {"$ifNull": [f"${CO_TEACHERS}", []]}
    return {"$filter": {"input": present, "as": "other", "cond": {"$and": kept}}}


def _in_force(day: date) -> Document:
    return {"$or": [{"until": None}, {"until": {"$gte": day.isoformat()}}]}
