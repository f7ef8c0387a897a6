"""Classes and their rolls.

The exports of this package are public; its modules are internal.
"""

from quartapp_classes.bulk import BulkClasses, ClassChange, ClassEntry
from quartapp_classes.errors import (
    AlreadyEnrolledError,
    ClassExistsError,
    ClassInUseError,
    ClassNameError,
    ClassNotFoundError,
    NotEnrolledError,
    NotOwnerError,
    StudentNotFoundError,
)
from quartapp_classes.happenings import (
    ClassChanged,
    ClassCreated,
    ClassDeleted,
    StudentAdded,
    StudentRemoved,
)
from quartapp_classes.models import ClassRoom
from quartapp_classes.rolls import ClassInfo, Roll, Rolls
from quartapp_classes.routes import class_answer
from quartapp_classes.schemas import ClassAnswer, StudentBody
from quartapp_classes.service import ClassService

__all__ = [
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
    "NotEnrolledError",
    "NotOwnerError",
    "Roll",
    "Rolls",
    "StudentAdded",
    "StudentBody",
    "StudentNotFoundError",
    "StudentRemoved",
    "class_answer",
]
