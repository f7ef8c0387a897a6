"""The session that the documentation tells, frame by frame, is what a server does."""

from __future__ import annotations

import json

import pytest

from quartapp.contract.files import asyncapi_file, read_document

WRITTEN = read_document(asyncapi_file())
TITLE = "## A whole session, frame by frame"
STUDENT = "695f733c1c9d440000a1b2c2"


def told():
    """Return who, the direction, and the frame of each line of the session."""
    section = WRITTEN["info"]["description"].split(TITLE)[1].split("\n## ")[0]
    lines = [line.split(None, 2) for line in section.splitlines() if line.startswith("    ")]
    return [(who, way, frame) for who, way, frame in lines]


async def test_the_documented_session_is_what_a_server_does(server, lesson):
    maths = await lesson(server, students=2)
    await maths.start()
    teacher, (student, _) = await maths.sockets()
    sockets = {"teacher": teacher, "student": student}
    frames = told()
    assert {way for _, way, _ in frames} == {"→", "←"}
    assert len(frames) == 12
    for who, way, text in frames:
        frame = json.loads(text.replace(STUDENT, maths.students[0].id))
        if way == "→":
            await sockets[who].send(frame["event"], frame.get("data"))
        else:
            for one in sockets.values() if who == "all" else [sockets[who]]:
                assert await one.receive() == frame
    assert [await one.drain() for one in sockets.values()] == [[], []]


@pytest.mark.parametrize("subject", ["since=", "## Close codes", "One order", TITLE])
async def test_the_page_of_the_websocket_explains(server, subject):
    served = (await server.api.get(f"{server.url}/asyncapi.json")).json()
    assert served["info"] == WRITTEN["info"]
    assert subject in served["info"]["description"]


def test_every_close_code_is_in_the_prose():
    section = WRITTEN["info"]["description"].split("## Close codes")[1].split("\n## ")[0]
    for channel in WRITTEN["channels"].values():
        for code in channel["x-close-codes"]:
            assert f"{code['code']}:" in section
