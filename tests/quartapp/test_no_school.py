"""The core has no words about schools: they belong into plugins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "quartapp"
# In names, texts and comments; as words of their own or as parts of snake_case and camelCase.
WORD = re.compile(
    r"(?<![a-z])(?:attendances?|teachers?|students?|pupils?|lessons?|rolls?|marks?|schools?"
    r"|classrooms?|class_(?:id|room)s?|enrol[a-z]*)(?![a-z])"
)
PART = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

ALLOWED = {
    # Examples for authors of plugins, which go with the bundled roles and the class plugin.
    "hooks/specs.py": {"class_id", "marks", "roll", "student", "teacher", "teachers"},
    # prometheus_client calls a function mark_process_dead.
    "telemetry/metrics.py": {"mark"},
    # An example for authors of plugins, whose roles are those of the bundled accounts.
    "testing/fixtures.py": {"teacher", "student"},
}
# What `quartapp plugin new` writes is not the core's, but the author's.
SOURCES = [
    path.relative_to(CORE).as_posix()
    for path in sorted(CORE.rglob("*.py"))
    if "templates" not in path.parts
]


def words_of_a_school(text: str) -> set[str]:
    in_parts = PART.sub("_", text).lower()
    return set(WORD.findall(in_parts))


@pytest.mark.parametrize("source", SOURCES)
def test_a_file_of_the_core_has_no_word_of_a_school(source: str) -> None:
    found = words_of_a_school((CORE / source).read_text(encoding="utf-8"))
    assert found == ALLOWED.get(source, set())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("studentId", {"student"}),
        ("class_id = 1", {"class_id"}),
        ("classRoom, ATTENDANCE_MARKED", {"class_room", "attendance"}),
        ("# the roll", {"roll"}),
        ('"/class/enrolled"', {"enrolled"}),
        ("a class, rollback, marked, controller, benchmark", set()),
    ],
)
def test_words_are_found_within_names(text: str, found: set[str]) -> None:
    assert words_of_a_school(text) == found
