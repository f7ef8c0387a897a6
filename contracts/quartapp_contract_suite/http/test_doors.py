"""The answers of servers on which not everybody may register; always on servers of the run."""

from __future__ import annotations

import functools
import json
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from quartapp_contract_suite.http.matching import mismatch
from quartapp_contract_suite.http.table.doors import CLASS_OF_ADMIN, SETTINGS, door_rows
from quartapp_contract_suite.people import PASSWORD, People
from quartapp_contract_suite.server import make_admin, server_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quartapp_contract_suite.http.table.rows import Row
    from quartapp_contract_suite.people import Person

pytestmark = pytest.mark.needs_own_server


@dataclass(frozen=True, slots=True)
class Doors:
    """A server, and its administrator."""

    people: People
    admin: Person

    def code(self) -> str:
        """Return a one-time code with which the administrator may set a password."""
        path = f"/api/v1/admin/people/{self.admin.id}/reset"
        answer = self.people.http.post(path, headers=self.admin.headers)
        assert answer.status_code == 201, answer.text
        code: str = answer.json()["data"]["code"]
        return code

    def let_the_administrator_teach(self) -> None:
        """Let the administrator become a co-teacher of a class, as administrators may."""
        body = {"name": "Tess", "email": "tess@school.example", "role": "teacher"}
        made = self.people.http.post(
            "/api/v1/admin/people",
            json={**body, "password": PASSWORD},
            headers=self.admin.headers,
        )
        assert made.status_code == 201, made.text
        teacher = self.people.signed_in(body["email"], PASSWORD)
        path = f"/api/v1/class/{self.people.class_of(teacher, name=CLASS_OF_ADMIN)}/teachers"
        added = self.people.http.put(f"{path}/{self.admin.id}", json={}, headers=self.admin.headers)
        assert added.is_success, added.text


@pytest.fixture(scope="module")
def doors_by_setting(
    plugins: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Doors]]:
    """Provide a function that returns the server with a setting, one for all its rows."""
    with ExitStack() as running:

        @functools.cache
        def start(setting: str) -> Doors:
            folder = tmp_path_factory.mktemp("doors")
            server = server_in(folder, *plugins, QUARTAPP_AUTH_REGISTRATION=setting)
            people = running.enter_context(People(running.enter_context(server)))
            make_admin(folder, "admin@school.example", PASSWORD)
            doors = Doors(people, people.signed_in("admin@school.example", PASSWORD))
            doors.let_the_administrator_teach()
            return doors

        yield start


@pytest.fixture
def doors(request: pytest.FixtureRequest, doors_by_setting: Callable[[str], Doors]) -> Doors:
    """Return a server with the setting of the row, and its administrator."""
    return doors_by_setting(request.param)


@pytest.mark.parametrize(
    ("doors", "row"),
    [
        pytest.param(setting, row, id=f"{setting}-{row}")
        for setting in SETTINGS
        for row in door_rows(setting)
    ],
    indirect=["doors"],
)
def test_answer_is_as_the_table_says(doors: Doors, row: Row) -> None:
    fresh = uuid.uuid4().hex
    text = json.dumps(row.json).replace("<fresh>", fresh)
    if "<code>" in text:
        text = text.replace("<code>", doors.code())
    sent = json.loads(text)

    headers = doors.admin.headers if row.who == "admin" else {}
    path = row.path.replace("<admin_id>", doors.admin.id)
    answer = doors.people.http.request(row.method, path, json=sent, headers=headers)

    assert answer.status_code == row.status, answer.text
    told = json.loads(answer.text.replace(fresh, "<fresh>"))
    assert mismatch(row.body, told) is None, answer.text
