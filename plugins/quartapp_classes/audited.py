"""What the audit records of classes: their rolls and their teachers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import AuditAction
from quartapp_classes.happenings import (
    ClassChanged,
    ClassCreated,
    ClassDeleted,
    StudentAdded,
    StudentRemoved,
)

if TYPE_CHECKING:
    from bson import ObjectId

    from quartapp import AuditEntry
    from quartapp_classes.models import ClassRoom

CREATED = AuditAction("classes.created", about=("class", "teacher"))
RENAMED = AuditAction("classes.renamed", about=("class",))
DELETED = AuditAction("classes.deleted", about=("class",), values=("records",))
STUDENT_ADDED = AuditAction("classes.student-added", about=("class", "student"))
STUDENT_REMOVED = AuditAction("classes.student-removed", about=("class", "student"))
TEACHER_CHANGED = AuditAction(
    "classes.teacher-changed", about=("class", "teacher"), values=("teaches", "until")
)

ACTIONS = (CREATED, RENAMED, DELETED, STUDENT_ADDED, STUDENT_REMOVED, TEACHER_CHANGED)


def entries_of(event: object) -> list[AuditEntry]:
    """Return the entries for a change of a class or its roll.

    Args:
        event: What plugins are told of the change.
    """
    match event:
        case ClassCreated(class_id, teacher_id):
            return [CREATED.entry(about={"class": class_id, "teacher": teacher_id})]
        case ClassChanged(class_id):
            # A name of a class may be that of its teacher.
            return [RENAMED.entry(about={"class": class_id})]
        case ClassDeleted(class_id, records):
            return [DELETED.entry(about={"class": class_id}, after={"records": records})]
        case StudentAdded(class_id, student_id):
            return [STUDENT_ADDED.entry(about={"class": class_id, "student": student_id})]
        case StudentRemoved(class_id, student_id):
            return [STUDENT_REMOVED.entry(about={"class": class_id, "student": student_id})]
    return []


def of_teachers(before: ClassRoom, after: ClassRoom) -> list[AuditEntry]:
    """Return an entry for each person who teaches a class otherwise than before.

    Args:
        before: The class before the change.
        after: The class after the change.
    """
    old, new = _teachers(before), _teachers(after)
    nobody: tuple[str | None, str | None] = (None, None)
    return [
        TEACHER_CHANGED.entry(
            about={"class": after.id, "teacher": user},
            before=dict(zip(TEACHER_CHANGED.values, old.get(user, nobody), strict=True)),
            after=dict(zip(TEACHER_CHANGED.values, new.get(user, nobody), strict=True)),
        )
        for user in sorted(old.keys() | new.keys())
        if old.get(user) != new.get(user)
    ]


def _teachers(class_room: ClassRoom) -> dict[ObjectId, tuple[str | None, str | None]]:
    found: dict[ObjectId, tuple[str | None, str | None]] = {
        other.user_id: ("beside", other.until) for other in class_room.teachers.others
    }
    return {**found, class_room.teacher_id: ("primary", None)}
