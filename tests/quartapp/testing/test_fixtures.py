"""The pytest plugin itself, as a plugin author uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quartapp import Deny, PluginError, Role, core, hookimpl

if TYPE_CHECKING:
    from quartapp.testing.servers import Serve, ServeProcess, TestServer


async def test_people_are_registered_and_signed_in(server: TestServer) -> None:
    person = await server.person("teacher", name="Ada Lovelace")
    answer = await server.api.get("/auth/me", headers=person.headers)
    assert answer.json()["data"]["_id"] == person.id
    assert answer.json()["data"]["name"] == person.name == "ada lovelace"
    assert await server.sign_in(person.email, person.password)


async def test_each_test_has_an_empty_database(server: TestServer) -> None:
    assert await server.documents["users"].count_documents({}) == 0


async def test_drain_returns_the_frames_up_to_the_last_sent(server: TestServer) -> None:
    socket = await server.socket(await server.person("student"))
    await socket.send("MY_ATTENDANCE")
    assert [frame["data"]["message"] for frame in await socket.drain()] == [
        "No active attendance session"
    ]


async def test_servers_share_the_tests_database(serve: Serve) -> None:
    one, other = await serve(), await serve()
    person = await one.person("student")
    answer = await other.api.get("/auth/me", headers=person.headers)
    assert answer.json()["data"]["email"] == person.email


async def test_a_process_serves_with_its_own_database(serve_process: ServeProcess) -> None:
    process = await serve_process()
    person = await process.client.person("student")
    answer = await process.client.api.get("/auth/me", headers=person.headers)
    assert answer.status_code == 200
    assert process.stdout[0].startswith("Mongodb connected ")
    assert await process.terminate() == 0, process.stderr


async def test_plugins_beside_come_after_what_they_require(serve: Serve) -> None:
    class First:
        name = "z_first"

    class Second:
        name = "a_second"
        requires = ("z_first", "attendance")

    server = await serve(beside=[Second, First])
    names = [plugin.name for plugin in core(server.app).plugins.loaded]
    assert names.index("attendance") < names.index("z_first") < names.index("a_second")


async def test_plugin_beside_without_a_required_plugin_is_refused_as_at_start(
    serve: Serve,
) -> None:
    class Lonely:
        name = "lonely"
        requires = ("nobody",)

    with pytest.raises(PluginError) as caught:
        await serve(beside=[Lonely])
    assert str(caught.value) == "plugin lonely (given) requires the plugin nobody"


class Library:
    """Has a role that nobody can register with, and closes registration if it is told to."""

    name = "library"
    messages = ("Ask the librarian",)

    def __init__(self, *, closed: bool = False) -> None:
        self._closed = closed

    @hookimpl
    def register_roles(self) -> list[Role]:
        return [Role("librarian", label="Librarian")]

    @hookimpl
    def authorize(self, action: str) -> Deny | None:
        return Deny("Ask the librarian") if self._closed and action == "registerUser" else None


@pytest.mark.parametrize("role", ["student", "librarian", "admin"])
@pytest.mark.parametrize("closed", [False, True])
async def test_people_may_have_every_role_of_the_app(serve: Serve, role: str, closed: bool) -> None:
    server = await serve(beside=[Library(closed=closed)])
    person = await server.person(role, name="Grace Hopper")
    answer = await server.api.get("/auth/me", headers=person.headers)
    assert answer.json()["data"]["role"] == person.role == role
    assert answer.json()["data"]["name"] == person.name == "grace hopper"
    assert await server.sign_in(person.email, person.password)


async def test_a_role_that_no_plugin_registers_is_told(serve: Serve) -> None:
    server = await serve(beside=[Library])
    with pytest.raises(AssertionError, match="no plugin registers the role librarain; there are"):
        await server.person("librarain")
