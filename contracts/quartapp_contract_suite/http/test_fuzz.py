"""schemathesis tests every operation without a token, as a teacher, a student and an administrator.

The operations, also those of plugins, come from the server's own document; ``test_documents.py``
compares that document with the contract.

Cases come from examples, from systematic coverage, from chance, and from walks along links.
Requests also ask as one teacher for resources of another, and the same for students.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from quartapp.testing.contract import NOT_FUZZED
from quartapp.testing.fuzz import Outcome, fuzz
from quartapp_contract_suite.choice import operations_beside
from quartapp_contract_suite.documents.documents import (
    not_fuzzed,
    openapi_authority,
    with_links_and_examples,
)
from quartapp_contract_suite.http.report import record
from quartapp_contract_suite.people import days_ago

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from quartapp_contract_suite.people import People, Person

    Known = Mapping[str, Sequence[str]]

# A run with fewer cases fails, so that a broken set-up is no success: 4,000 cases in all.
MINIMUM_CASES = {"nobody": 1000, "teacher": 1200, "student": 800, "admin": 1000}
ROLES = [
    pytest.param(role, marks=[pytest.mark.needs_admin] if role == "admin" else [])
    for role in MINIMUM_CASES
]
CLASSES = 4
ROUNDS_PER_SEED = 1000
EXEMPTIONS = Path(__file__).with_name("schemathesis.toml")
# Each case of these operations may compute a bcrypt hash, which is slow on purpose.
CASES_WITH_BCRYPT = 24
WITH_BCRYPT = ("registerUser", "login", "assignmentSignUp", "assignmentLogin")
PEOPLE = ("path.student_id", "body.studentId")
CLASSES_AT = ("path.class_id", "body.classId", "query.classId")
# Only administrators get past the role here. What would end the tokens of others is not fuzzed.
ACCOUNTS = "path.user_id"
SESSIONS = "path.session_id"
DATES = "body.date"


@pytest.fixture(scope="session")
def walk(openapi: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the server's document with the authority's links and examples; return the path."""
    path = tmp_path_factory.mktemp("openapi") / "served.json"
    document = with_links_and_examples(openapi_authority(), openapi)
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


@pytest.fixture
def run(
    walk: str,
    openapi: dict[str, Any],
    base_url: str,
    tmp_path: Path,
    depth: float,
    seed: int,
    features: frozenset[str] | None,
    record_property: Callable[[str, object], None],
) -> Callable[[str, Known, list[Person]], Outcome]:
    """Return the function that fuzzes as one role and records the counts."""

    def run(role: str, known: Known, peers: list[Person]) -> Outcome:
        share = min(1, depth)
        left_out = not_fuzzed(openapi_authority(), openapi)
        for operation in left_out:
            record_property(NOT_FUZZED, str(operation))
        left_out += operations_beside(features, openapi)
        outcome = Outcome(0, "", {}, 0.0)
        # More depth means more rounds with other seeds, and not longer rounds: schemathesis ends an
        # operation early when answers change the cases that it generates.
        for number in range(max(1, round(depth))):
            folder = tmp_path / str(number)
            folder.mkdir()
            start = seed * ROUNDS_PER_SEED + number
            outcome += fuzz(
                walk,
                base_url,
                folder,
                peers=peers,
                known=known,
                left_out=left_out,
                configuration=configuration(share),
                seed=start,
                share=share,
            )
            if outcome.status != 0:
                break
        record(outcome, role, record_property)
        return outcome

    return run


def configuration(share: float) -> str:
    """Return the configuration of schemathesis for single operations."""
    exemptions = EXEMPTIONS.read_text(encoding="utf-8")
    return (
        f"{exemptions}\n[[operations]]\ninclude-operation-id = {json.dumps(WITH_BCRYPT)}\n"
        f"generation.max-examples = {round(CASES_WITH_BCRYPT * share)}\n"
    )


@pytest.fixture
def unlocked(people: People, admin: Person | None) -> Iterator[None]:
    """Leave no lock of records behind: an administrator's cases set it, for all tests to come."""
    yield
    if admin is not None:
        people.unlock(admin)


@pytest.mark.usefixtures("unlocked")
@pytest.mark.parametrize("role", ROLES)
def test_every_operation_keeps_to_the_contract(
    role: str,
    run: Callable[[str, Known, list[Person]], Outcome],
    people: People,
    admin: Person | None,
    depth: float,
    features: frozenset[str] | None,
) -> None:
    teachers = [people.teacher(), people.teacher()]
    students = [people.student(), people.student(), people.student()]
    # The third student is in no class yet, so that an enrolment can succeed. The other two are each
    # in the classes of one teacher, and strangers to the classes of the other.
    classes = [
        people.class_of(teacher, student)
        for teacher, student in zip(teachers, students, strict=False)
        for _ in range(CLASSES)
    ]
    # The teacher's id belongs to an account that cannot be enrolled.
    ids = [person.id for person in (*students, teachers[1])]
    known = {place: ids if place in PEOPLE else classes for place in (*PEOPLE, *CLASSES_AT)}
    known[ACCOUNTS] = ids
    known[DATES] = [days_ago(1)]
    known[SESSIONS] = [
        people.session_of(teacher, class_id, student)
        for teacher, student, own in zip(
            teachers, students, (classes[:CLASSES], classes[CLASSES:]), strict=False
        )
        for class_id in own
    ]
    peers = {"nobody": [], "teacher": teachers, "student": students[:2]}.get(role)
    if peers is None:
        assert admin is not None
        peers = [admin]
        # Links begin at the administrator's own classes.
        for class_id in classes[:CLASSES]:
            people.add_teacher(class_id, admin, by=admin)

    outcome = run(role, known, peers)

    assert outcome.status == 0, outcome.told
    least = MINIMUM_CASES[role] * depth if features is None else 1
    assert outcome.total >= least, outcome.told


def test_checks_are_only_left_out_for_single_operations() -> None:
    exemptions = tomllib.loads(EXEMPTIONS.read_text(encoding="utf-8"))

    assert set(exemptions) == {"operations"}
    for exemption in exemptions["operations"]:
        assert isinstance(exemption["include-operation-id"], str)
