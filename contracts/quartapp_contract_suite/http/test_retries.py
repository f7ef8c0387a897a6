"""Tests of every operation that takes ``Idempotency-Key`` or ``If-Match`` by the document."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from quartapp_contract_suite.http.matching import mismatch
from quartapp_contract_suite.http.operations import with_header
from quartapp_contract_suite.http.scene import Cast, Scene
from quartapp_contract_suite.http.table.rows import Row, error
from quartapp_contract_suite.http.table.table import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import httpx
    from _pytest.mark import ParameterSet

    from quartapp_contract_suite.people import People, Person

LONGEST_KEY = 255
REPEATABLE = with_header("Idempotency-Key")
CONDITIONAL = with_header("If-Match")


def succeeding(operation: str) -> Row:
    """Return the first row in which an operation succeeds, if possible not as administrator."""
    good = [row for row in rows() if row.operation == operation and row.status < 300]
    return min(good, key=lambda row: row.by_admin)


def with_marks(operations: Iterable[str]) -> list[ParameterSet]:
    """Return operations as parameters, each with the servers and people that its request needs."""
    marked = []
    for operation in operations:
        marks = [pytest.mark.needs_admin] if succeeding(operation).by_admin else []
        # The row of a registration is for servers on which everybody may register.
        if operation == "registerUser":
            marks.append(pytest.mark.registration("open"))
        marked.append(pytest.param(operation, marks=marks))
    return marked


@pytest.fixture(scope="module")
def cast(people: People, admin: Person | None) -> Cast:
    """Return the people of all requests."""
    return Cast(people, admin)


@pytest.fixture
def scene(cast: Cast, base_url: str) -> Scene:
    """Return the surroundings of a request that succeeds."""
    return Scene(cast, base_url)


def request(
    scene: Scene, row: Row, headers: Mapping[str, str], **changed: object
) -> httpx.Response:
    """Send the request of a row with further headers and changed members of the body."""
    sent: dict[str, Any] = (
        {} if row.json is ... else {"json": {**scene.filled(row.json), **changed}}
    )
    person = scene.cast.named(row.who).headers if row.who else {}
    return scene.people.http.request(
        row.method, scene.filled(row.path), headers={**person, **headers}, **sent
    )


def assert_refused(answer: httpx.Response, status: int, message: str) -> None:
    """Assert that ``answer`` is the error with this status and message."""
    assert answer.status_code == status, answer.text
    assert mismatch(error(message), answer.json()) is None, answer.text


def test_the_document_names_operations_of_both_kinds() -> None:
    assert {"registerUser", "createClass", "addStudent", "startAttendance"} <= set(REPEATABLE)
    assert {"renameClass", "deleteClass"} <= set(CONDITIONAL)


@pytest.mark.parametrize("operation", with_marks(REPEATABLE))
def test_a_request_with_a_key_is_done_once(operation: str, scene: Scene) -> None:
    row, key = succeeding(operation), {"Idempotency-Key": str(uuid.uuid4())}
    if row.given is not None:
        row.given(scene)

    first = request(scene, row, key)
    again = request(scene, row, key)
    other = request(scene, row, key, another_member="makes another body")

    assert first.status_code == row.status, first.text
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert_refused(other, 422, "Idempotency-Key was used for another request")


@pytest.mark.parametrize("operation", with_marks(REPEATABLE))
def test_a_key_of_another_form_is_refused_before_anything_is_done(
    operation: str, scene: Scene
) -> None:
    row = succeeding(operation)
    if row.given is not None:
        row.given(scene)

    for key in ("", "x" * (LONGEST_KEY + 1)):
        refused = request(scene, row, {"Idempotency-Key": key})
        assert_refused(refused, 400, "Idempotency-Key has to be 1 to 255 printable characters")

    assert request(scene, row, {}).status_code == row.status


def test_a_key_of_somebody_else_is_another_key(cast: Cast) -> None:
    key, body = {"Idempotency-Key": str(uuid.uuid4())}, {"className": f"Logic {uuid.uuid4().hex}"}

    answers = [
        cast.people.http.post("/api/v1/class", json=body, headers={**person.headers, **key})
        for person in (cast.teacher, cast.stranger)
    ]

    for answer in answers:
        assert answer.status_code == 201, answer.text
        assert "idempotent-replayed" not in answer.headers, "the answer was made for another person"
    assert len({answer.json()["data"]["_id"] for answer in answers}) == len(answers)


@pytest.mark.parametrize("operation", with_marks(CONDITIONAL))
def test_change_with_outdated_etag_is_refused(operation: str, scene: Scene) -> None:
    row = succeeding(operation)
    if row.given is not None:
        row.given(scene)

    assert_refused(request(scene, row, {"If-Match": '"another"'}), 412, "Precondition Failed")

    assert request(scene, row, {"If-Match": "*"}).status_code == row.status
