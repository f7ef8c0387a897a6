"""The lock of records: its last day is locked, and the day after it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quartapp_contract_suite.people import API

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from quartapp_contract_suite.people import People, Person

# So long ago that a lock up to here is in nobody's way.
BEFORE, DAY = "1971-01-04", "1971-01-05"


@pytest.fixture
def lock(people: People, admin: Person) -> Iterator[Callable[[str], None]]:
    """Return the function that locks up to a day; what is locked is unlocked afterwards."""

    def locked(through: str) -> None:
        path, body = f"{API}/admin/record-lock", {"through": through}
        answer = people.http.put(path, json=body, headers=admin.headers)
        assert answer.status_code == 200, answer.text

    yield locked
    people.unlock(admin)


@pytest.mark.needs_admin
def test_the_last_locked_day_is_locked_and_the_next_is_not(
    people: People, admin: Person, lock: Callable[[str], None]
) -> None:
    student = people.student()
    class_id = people.class_of(people.teacher(), student)

    def enter() -> httpx.Response:
        records = [{"studentId": student.id, "status": "present"}]
        return people.http.post(
            f"{API}/class/{class_id}/sessions",
            json={"date": DAY, "records": records},
            headers=admin.headers,
        )

    lock(BEFORE)
    assert enter().status_code == 201, f"the lock through {BEFORE} locks {DAY} too"
    lock(DAY)
    refused = enter()
    assert refused.status_code == 403, f"the lock through {DAY} does not lock it: {refused.text}"
