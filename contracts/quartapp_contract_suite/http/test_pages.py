"""Lists in pages: each page names the next one in ``Link``, and the last page names none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quartapp_contract_suite.http.operations import Operation, operations
from quartapp_contract_suite.http.scene import Cast, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from quartapp_contract_suite.people import People, Person

IN_PAGES = [one for one in operations() if {"limit", "after"} <= set(one.query)]
WORDS = {"class_id": "<class>", "session_id": "<session>", "student_id": "<student_id>"}
MOST = 500
WALKED = 3


def _hold_twice(scene: Scene) -> None:
    scene.people.session_of(scene.cast.teacher, scene.words["class"], scene.cast.student)
    scene.hold_long_ago()


def _teach_two(scene: Scene) -> None:
    scene.people.class_of(scene.cast.teacher, scene.cast.student, scene.cast.outsider)


# What gives a list entries. Other lists have two from the start, or may have none.
GIVEN: dict[str, Callable[[Scene], None]] = {
    "listAudit": Scene.employ,
    "listPeople": Scene.employ,
    "listInvitations": Scene.invite,
    "listStudents": _teach_two,
    "listTerms": Scene.have_term,
    "listHolidays": Scene.have_holiday,
    "listImports": Scene.have_import,
    "listSessions": _hold_twice,
    "getRecordHistory": Scene.hold_and_correct,
}
WITH_TWO = {*GIVEN, "listEveryClass"}


def _asked(operation: Operation, *, sort: str = "") -> object:
    name = f"{operation}{sort}"
    needed = operation.role == "admin" or operation.id in ("listTerms", "listHolidays")
    marks = [pytest.mark.needs_admin] if needed else []
    return pytest.param(operation, sort, marks=marks, id=name)


SORTED = [
    _asked(one, sort=sort)
    for one in IN_PAGES
    for sort in ("", *(("date", "-date") if "sort" in one.query else ()))
]


@pytest.fixture(scope="module")
def cast(people: People, admin: Person | None) -> Cast:
    """Return the people of all lists."""
    return Cast(people, admin)


@pytest.mark.parametrize(("operation", "sort"), SORTED)
def test_each_page_but_the_last_names_the_next_one(
    operation: Operation, sort: str, cast: Cast, base_url: str
) -> None:
    shown = _List(operation, sort, cast, base_url)
    whole, _ = shown.asked(shown.address(limit=MOST))
    assert len(whole) >= 2 or operation.id not in WITH_TWO, f"{operation} lists too little: {whole}"

    address: str | None = shown.address(limit=1)
    for entry in whole[:WALKED]:
        assert address is not None, f"the page before {entry} names no next page"
        page, address = shown.asked(address)
        assert page == [entry], "the page is another than the whole list has there"

    if 1 <= len(whole) < MOST:
        page, address = shown.asked(shown.address(limit=len(whole)))
        assert page == whole
        assert address is None, f"{address} is no page, as all entries were on the page before"


@pytest.mark.parametrize("operation", [one for one in IN_PAGES if "sort" in one.query], ids=str)
def test_a_list_the_other_way_round_has_the_same_entries(
    operation: Operation, cast: Cast, base_url: str
) -> None:
    shown = _List(operation, "date", cast, base_url)
    oldest_first, _ = shown.asked(shown.address(limit=MOST))
    shown.sort = "-date"
    newest_first, _ = shown.asked(shown.address(limit=MOST))
    dates = [one["date"] for one in newest_first]
    assert dates == sorted(dates, reverse=True)
    assert newest_first == oldest_first[::-1]


class _List:
    """A list, as somebody who may read it asks for it."""

    def __init__(self, operation: Operation, sort: str, cast: Cast, base_url: str) -> None:
        self.sort = sort
        self._template = operation.template
        # Two scenes have different days and names, so that both leave an entry.
        for scene in (Scene(cast, base_url), Scene(cast, base_url)):
            if given := GIVEN.get(operation.id):
                given(scene)
        self._scene = scene
        who = cast.admin if operation.role == "admin" else cast.teacher
        assert who is not None
        self._headers = who.headers

    def address(self, *, limit: int) -> str:
        """Return the address of the first page."""
        path = self._template
        for name, word in WORDS.items():
            path = path.replace(f"{{{name}}}", word)
        sort = f"&sort={self.sort}" if self.sort else ""
        return str(self._scene.filled(f"{path}?limit={limit}{sort}"))

    def asked(self, address: str) -> tuple[list[Any], str | None]:
        """Return the entries of a page, and the address of the next one."""
        answer = self._scene.people.http.get(address, headers=self._headers)
        assert answer.status_code == 200, f"GET {address}: {answer.status_code} {answer.text}"
        following = answer.links.get("next")
        return answer.json()["data"], following["url"] if following else None
