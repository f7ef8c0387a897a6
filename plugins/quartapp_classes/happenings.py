"""The events of classes that ``on_event`` receives, after the database has stored them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassCreated:
    """Event: a class was created."""

    class_id: str
    teacher_id: str


@dataclass(frozen=True, slots=True)
class ClassChanged:
    """Event: a class was renamed."""

    class_id: str


@dataclass(frozen=True, slots=True)
class TeachersChanged:
    """Event: a class got another primary teacher, or its co-teachers changed."""

    class_id: str


@dataclass(frozen=True, slots=True)
class ClassDeleted:
    """Event: a class was deleted, together with its records if requested."""

    class_id: str
    records: bool


@dataclass(frozen=True, slots=True)
class StudentAdded:
    """Event: a student was put on a roll."""

    class_id: str
    student_id: str


@dataclass(frozen=True, slots=True)
class StudentRemoved:
    """Event: a student was taken off a roll."""

    class_id: str
    student_id: str
