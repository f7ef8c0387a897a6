"""Unchanged answers are not sent again, and changes of other people are not overwritten."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
async def room(server):
    teacher, student = await server.person("teacher"), await server.person("student")
    made = await server.api.post("/class", json={"className": "Logic"}, headers=teacher.headers)
    return Room(server, teacher, student, f"/class/{made.json()['data']['_id']}")


class Room:
    """A class, with requests of its teacher."""

    def __init__(self, server, teacher, student, path):
        self.server, self.teacher, self.student, self.path = server, teacher, student, path

    async def send(self, method, path="", json=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.server.api.request(
            method, self.path + path, json=json, headers={**self.teacher.headers, **named}
        )

    async def tag(self):
        return (await self.send("GET")).headers["etag"]

    async def add(self, **headers):
        return await self.send("POST", "/add-student", {"studentId": self.student.id}, **headers)


async def test_request_with_the_present_tag_gets_304_without_a_body(room):
    tag = await room.tag()
    for given in (tag, f'"another", {tag}', f"W/{tag}", "*"):
        answer = await room.send("GET", If_None_Match=given)
        assert (answer.status_code, answer.content) == (304, b""), given
        assert answer.headers["etag"] == tag
    assert (await room.send("GET", If_None_Match='"another"')).status_code == 200


async def test_account_has_an_etag(server):
    person = await server.person("student")
    first = await server.api.get("/auth/me", headers=person.headers)
    headers = {**person.headers, "If-None-Match": first.headers["etag"]}
    assert (await server.api.get("/auth/me", headers=headers)).status_code == 304


async def test_304_needs_permission_to_read(room):
    tag = await room.tag()
    stranger = await room.server.person("teacher")
    answer = await room.server.api.get(
        room.path, headers={**stranger.headers, "If-None-Match": tag}
    )
    assert answer.status_code == 403


async def test_change_renews_the_tag_and_the_old_tag_is_refused(room):
    old = await room.tag()
    renamed = await room.send("PATCH", "", {"className": "Sets"}, If_Match=old)
    assert renamed.status_code == 200
    assert await room.tag() != old
    refused = [
        await room.send("PATCH", "", {"className": "Rings"}, If_Match=old),
        await room.add(If_Match=old),
        await room.send("DELETE", f"/students/{room.student.id}", If_Match=old),
        await room.send("DELETE", If_Match=old),
    ]
    assert {(a.status_code, a.json()["error"]) for a in refused} == {(412, "Precondition Failed")}
    assert (await room.send("GET")).json()["data"][0]["className"] == "Sets"


async def test_each_change_is_done_with_the_present_tag(room):
    assert (await room.add(If_Match=await room.tag())).status_code == 201
    path = f"/students/{room.student.id}"
    assert (await room.send("DELETE", path, If_Match=await room.tag())).status_code == 200
    assert (await room.send("DELETE", If_Match=await room.tag())).status_code == 200
    assert (await room.send("GET")).status_code == 404


async def test_star_matches_any_tag_and_nonsense_matches_none(room):
    sets = {"className": "Sets"}
    assert (await room.send("PATCH", "", sets, If_Match="*")).status_code == 200
    one_of = f'"x", {await room.tag()}'
    assert (await room.send("PATCH", "", sets, If_Match=one_of)).status_code == 200
    # A weak tag does not say that two states are the same to the byte (RFC 9110, section 13.1.1).
    for given in (f"W/{await room.tag()}", '"x"', '"1-x"', '"9-9999999999999999999"', "", '""'):
        answer = await room.send("PATCH", "", {"className": "Rings"}, If_Match=given)
        assert answer.status_code == 412, given


async def test_the_name_of_a_person_changes_the_answer_and_refuses_no_change(room):
    await room.add()
    tag = await room.tag()
    await room.server.documents["users"].update_one(
        {"email": room.student.email}, {"$set": {"name": "grace"}}
    )
    assert (await room.send("GET", If_None_Match=tag)).status_code == 200
    answer = await room.send("PATCH", "", {"className": "Sets"}, If_Match=tag)
    assert answer.status_code == 200


async def test_racing_changes_of_one_version_succeed_once(room):
    tag = await room.tag()
    answers = await asyncio.gather(
        *(room.send("PATCH", "", {"className": f"Sets {n}"}, If_Match=tag) for n in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 19]


async def test_racing_change_and_deletion_of_one_version_succeed_once(room):
    tag = await room.tag()
    answers = await asyncio.gather(
        room.send("DELETE", If_Match=tag), room.add(If_Match=tag), room.add(If_Match=tag)
    )
    assert sum(answer.is_success for answer in answers) == 1
