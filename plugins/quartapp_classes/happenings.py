"""What plugins hear of classes through ``on_event``, once the database has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassCreated:
    """Event: a class was made."""

    class_id: str
    teacher_id: str


@dataclass(frozen=True, slots=True)
class ClassChanged:
    """Event: a class was renamed."""

    class_id: str


@dataclass(frozen=True, slots=True)
class ClassDeleted:
    """Event: a class is gone; with its records, if asked for."""

    class_id: str
    records: bool


@dataclass(frozen=True, slots=True)
class StudentAdded:
    """Event: a student came on a roll."""

    class_id: str
    student_id: str


@dataclass(frozen=True, slots=True)
class StudentRemoved:
    """Event: a student left a roll."""

    class_id: str
    student_id: str
