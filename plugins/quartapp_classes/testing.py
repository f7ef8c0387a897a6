"""Helpers for tests of plugins that work with classes, made as a client makes them."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from quartapp.testing import Client, Person

__all__ = ["class_room", "classes_of_teachers"]


async def class_room(
    client: Client, teacher: Person, students: Iterable[Person] = (), *, name: str | None = None
) -> dict[str, Any]:
    """Make a class with students on its roll.

    Args:
        client: The client of a server.
        teacher: The person who makes the class.
        students: The people to put on the roll, in this order.
        name: The class's name; a new one when left out.

    Returns:
        The class, as the API answers it.

    Raises:
        AssertionError: The server refuses a request.
    """
    made = await _created(
        client, teacher, "/class", {"className": name or f"class {uuid.uuid4().hex[:12]}"}, "data"
    )
    for student in students:
        path, body = f"/class/{made['_id']}/add-student", {"studentId": student.id}
        made = await _created(client, teacher, path, body, "ExistingClass")
    return made


async def classes_of_teachers(
    client: Client, people: Mapping[str, Sequence[Person]]
) -> dict[str, list[str]]:
    """Make a class of each teacher with all students, for ``quartapp_contract(..., prepare=...)``.

    Args:
        client: The client of a server.
        people: The people who are spoken for, by role.

    Returns:
        The ids of classes and students, by the parameters and fields that take them.
    """
    teachers, students = people.get("teacher", ()), people.get("student", ())
    classes = [(await class_room(client, teacher, students))["_id"] for teacher in teachers]
    ids = [student.id for student in students]
    return {
        "path.class_id": classes,
        "body.classId": classes,
        "query.classId": classes,
        "path.student_id": ids,
        "body.studentId": ids,
    }


async def _created(
    client: Client, teacher: Person, path: str, body: Mapping[str, str], part: str
) -> dict[str, Any]:
    answer = await client.api.post(path, json=body, headers=teacher.headers)
    assert answer.status_code == HTTPStatus.CREATED, answer.text  # noqa: S101 - in tests
    made: dict[str, Any] = answer.json()[part]
    return made
