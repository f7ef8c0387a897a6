"""Servers that are killed while they carry an accepted excuse into records: another finishes."""

from __future__ import annotations

import asyncio

import httpx
import pytest

SESSIONS = 40


@pytest.mark.smoke
async def test_an_acceptance_that_was_killed_half_way_goes_on(
    serve_process, lesson, mongodb_uri, eventually, figures
):
    process = await serve_process(
        "--plugin", "excuses", MONGODB_URI=mongodb_uri, JWT_SECRET="s" * 32
    )
    client = process.client
    maths = await lesson(client, students=1)
    (student,), teacher = maths.students, maths.teacher
    records = [{"studentId": student.id, "status": "absent"}]
    path = f"/class/{maths.class_id}/sessions"
    await maths.start()
    socket = await client.socket(teacher)
    await socket.ask("DONE")
    await socket.close()
    listed = await client.api.get(path, headers=teacher.headers)
    day = listed.json()["data"][0]["date"]
    for _ in range(SESSIONS - 1):
        body = {"date": day, "records": records}
        made = await client.api.post(path, json=body, headers=teacher.headers)
        assert made.status_code == 201, made.text
    body = {"from": day, "to": day, "reason": "Ill"}
    excuse = (await client.api.post("/excuses", json=body, headers=student.headers)).json()["data"]

    async def counted():
        listed = await process.client.api.get(path, headers=teacher.headers)
        return sum(one["counts"]["statuses"].get("excused", 0) for one in listed.json()["data"])

    async def accept():
        try:
            await client.api.post(
                f"/excuses/{excuse['_id']}/accept", json={}, headers=teacher.headers
            )
        except httpx.HTTPError:
            return

    accepting = asyncio.create_task(accept())
    await eventually(counted)
    await process.kill()
    await accepting
    await process.start()
    figures["excused before the restart"] = await counted()

    async def finished():
        found = await process.client.api.get(f"/excuses/{excuse['_id']}", headers=teacher.headers)
        return None if found.json()["data"]["applying"] else found.json()["data"]

    told = await eventually(finished)
    assert (told["state"], told["excused"], told["unchanged"]) == ("accepted", SESSIONS, [])
    assert await counted() == SESSIONS
    assert await process.terminate() == 0
