"""How a client asks for a version of frames, and where its token may stand."""

from __future__ import annotations

import json

import pytest

from quartapp.parts import core

UNKNOWN = {"event": "ERROR", "data": {"message": "Unknown event"}}
INVALID = {"event": "ERROR", "data": {"message": "Invalid message format"}}
UNAUTHORIZED = {"event": "ERROR", "data": {"message": "Unauthorized or invalid token"}}


async def echoed(socket):
    """Whether the socket's frames have references."""
    await socket.connection.send(json.dumps({"event": "HELLO", "ref": "mine"}))
    answer = await socket.receive()
    assert answer in (UNKNOWN, {**UNKNOWN, "ref": "mine"})
    return "ref" in answer


async def test_client_asks_by_subprotocol_or_by_address(server):
    person = await server.person("student")
    assert not await echoed(await server.socket(person))
    assert await echoed(await server.socket(person, version=1))
    assert await echoed(await server.socket(path=f"/ws?token={person.token}&frames=v1"))
    assert not await echoed(await server.socket(person, subprotocols=["chat"]))


async def test_token_may_be_a_subprotocol_and_the_answer_does_not_name_it(server, capsys):
    person = await server.person("student")
    offered = [f"bearer.{person.token}", "quartapp.v1"]
    socket = await server.socket(subprotocols=offered)
    assert socket.connection.subprotocol == "quartapp.v1"
    assert await echoed(socket)
    assert core(server.app).hub.of(person.id)
    assert person.token not in "".join(capsys.readouterr())


@pytest.mark.parametrize("offered", [["quartapp.v1", "bearer.x"], ["quartapp.v1"]])
async def test_bad_token_in_a_subprotocol_is_told_in_the_agreed_protocol(server, offered):
    socket = await server.socket(subprotocols=offered)
    assert socket.connection.subprotocol == "quartapp.v1"
    assert await socket.receive() == UNAUTHORIZED
    assert await socket.closed() == 1008


async def test_token_beside_another_protocol_is_none(server):
    person = await server.person("student")
    socket = await server.socket(subprotocols=["chat", f"bearer.{person.token}"])
    assert socket.connection.subprotocol is None
    assert await socket.receive() == UNAUTHORIZED


async def test_unknown_version_is_an_error_and_the_socket_stays(server):
    person = await server.person("student")
    socket = await server.socket(path=f"/ws?token={person.token}&frames=v2")
    assert await socket.receive() == INVALID
    assert not await echoed(socket)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ('{"event": 1, "ref": "mine"}', {**INVALID, "ref": "mine"}),
        ('{"event": "HELLO", "data": 1, "ref": "mine"}', {**INVALID, "ref": "mine"}),
        ('{"event": "HELLO", "ref": null}', UNKNOWN),
        ('{"event": "HELLO", "ref": ""}', INVALID),
        ('{"event": "HELLO", "ref": 1}', INVALID),
        ('{"event": "HELLO", "ref": "' + "x" * 65 + '"}', INVALID),
        ('{"event": "HELLO", "ref": "' + "x" * 64 + '"}', {**UNKNOWN, "ref": "x" * 64}),
        ("[]", INVALID),
    ],
)
async def test_ref_stands_in_the_answer_wherever_it_can_be_read(server, sent, answer):
    socket = await server.socket(await server.person("student"), version=1)
    await socket.connection.send(sent)
    assert await socket.receive() == answer


async def test_renewal_is_answered_with_its_reference(server):
    person = await server.person("student")
    socket = await server.socket(person, version=1)
    answer = await socket.ask("AUTH", {"token": person.token}, ref="mine")
    assert (answer["event"], answer["ref"]) == ("AUTH", "mine")
