"""A school that is served with the plugin, and ways to speak the dialect to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from quartapp_classes.testing import class_room

if TYPE_CHECKING:
    import httpx

    from quartapp.testing import Person, TestServer

NOBODY = "695f72101c9d440000a1b2c1"


@dataclass(frozen=True)
class School:
    """Two teachers, one with a class; three students, one of them enrolled in it."""

    server: TestServer
    people: dict[str, Person]
    words: dict[str, str]

    @property
    def class_id(self) -> str:
        return self.words["class"]

    def filled(self, given: Any) -> Any:
        """``given`` with the words in angle brackets replaced, at any depth."""
        if isinstance(given, dict):
            return {key: self.filled(value) for key, value in given.items()}
        if isinstance(given, list):
            return [self.filled(item) for item in given]
        if isinstance(given, str):
            for word, meaning in self.words.items():
                given = given.replace(f"<{word}>", meaning)
        return given

    async def ask(
        self, who: str | None, method: str, path: str, body: Any = None, **options: Any
    ) -> httpx.Response:
        """Send a request in the dialect: the bare token, a path at the root."""
        headers = {"Authorization": self.people[who].token} if who else {}
        if body is not None:
            options["json"] = self.filled(body)
        return await self.server.api.request(
            method, self.server.url + self.filled(path), headers=headers, **options
        )

    async def base(self, who: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """Send a request to the base API."""
        return await self.server.api.request(
            method, self.filled(path), json=self.filled(body), headers=self.people[who].headers
        )


@pytest.fixture
async def school(serve):
    async def found(*more, **settings):
        server = await serve(extra_plugins=("assignment", *more), **settings)
        people = {
            "owner": await server.person("teacher", name="Ada Lovelace"),
            "teacher": await server.person("teacher", name="Alan Turing"),
            "enrolled": await server.person("student", name="Grace Hopper"),
            "student": await server.person("student", name="  Åsa ÖSTLUND "),
            "third": await server.person("student", name="Third"),
        }
        room = await class_room(server, people["owner"], [people["enrolled"]], name="Mathematics")
        words = {"class": room["_id"], "nobody": NOBODY}
        for name, person in people.items():
            words |= {name: person.id, f"{name} email": person.email}
        return School(server, people, words)

    return found
