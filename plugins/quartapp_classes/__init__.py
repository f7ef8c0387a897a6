"""Classes and their rolls.

The exports of this package are public; its modules are internal.
"""

from quartapp_classes.bulk import BulkClasses, ClassChange, ClassEntry
from quartapp_classes.directory import StudentDirectory
from quartapp_classes.errors import (
    AlreadyEnrolledError,
    ClassExistsError,
    ClassInUseError,
    ClassNameError,
    ClassNotFoundError,
    NotEnrolledError,
    NotOwnerError,
    PrimaryTeacherError,
    StudentNotFoundError,
    TeacherNotFoundError,
    UntilPassedError,
)
from quartapp_classes.happenings import (
    ClassChanged,
    ClassCreated,
    ClassDeleted,
    StudentAdded,
    StudentRemoved,
    TeachersChanged,
)
from quartapp_classes.models import ClassRoom
from quartapp_classes.rolls import ClassInfo, Roll, Rolls
from quartapp_classes.routes import class_answer
from quartapp_classes.schemas import DAY_PATTERN, ClassAnswer, LocalDay, StudentBody
from quartapp_classes.service import ClassService
from quartapp_classes.teacher_changes import Teacher, TeacherChanges
from quartapp_classes.teacher_routes import sort_name
from quartapp_classes.teachers import CoTeacher, Teachers
from quartapp_classes.teaching import Teaching

__all__ = [
    "DAY_PATTERN",
    "AlreadyEnrolledError",
    "BulkClasses",
    "ClassAnswer",
    "ClassChange",
    "ClassChanged",
    "ClassCreated",
    "ClassDeleted",
    "ClassEntry",
    "ClassExistsError",
    "ClassInUseError",
    "ClassInfo",
    "ClassNameError",
    "ClassNotFoundError",
    "ClassRoom",
    "ClassService",
    "CoTeacher",
    "LocalDay",
    "NotEnrolledError",
    "NotOwnerError",
    "PrimaryTeacherError",
    "Roll",
    "Rolls",
    "StudentAdded",
    "StudentBody",
    "StudentDirectory",
    "StudentNotFoundError",
    "StudentRemoved",
    "Teacher",
    "TeacherChanges",
    "TeacherNotFoundError",
    "Teachers",
    "TeachersChanged",
    "Teaching",
    "UntilPassedError",
    "class_answer",
    "sort_name",
]
