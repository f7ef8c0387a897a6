"""Tests of the plugin that lets students raise a hand."""

from register_events import HandsPlugin


async def test_a_raised_hand_is_shown_to_everybody(serve):
    server = await serve(beside=[HandsPlugin])
    teacher, student = await server.person("teacher"), await server.person("student")
    watching, raising = await server.socket(teacher), await server.socket(student)
    await raising.send("RAISE_HAND", {"question": "Why?"})
    shown = await watching.until("HAND_RAISED")
    assert shown["data"] == {"studentId": student.id, "question": "Why?"}


async def test_teachers_raise_no_hand(serve):
    server = await serve(beside=[HandsPlugin])
    watching = await server.socket(await server.person("student"))
    socket = await server.socket(await server.person("teacher"))
    refused = await socket.ask("RAISE_HAND", {"question": "Why?"})
    assert refused["data"]["message"] == "Forbidden, student event only"
    assert await watching.drain() == []
