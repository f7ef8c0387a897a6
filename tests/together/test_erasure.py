"""An erased person is in no collection, and what is counted stays as it was."""

from __future__ import annotations

import asyncio
import base64

import pytest
from bson import ObjectId

from quartapp import core
from tests.support.plugins import OPTIONAL

NAME = "Zebulon Quagmire"
WORDS = ("Zebulon", "zebulon", "Quagmire", "quagmire", "measles", "spotted", "blotchy", "hearsay")
PDF = base64.b64encode(b"%PDF-1.7 measles of Zebulon").decode()


async def request(server, who, method, path, body=None):
    return await server.api.request(method, path, json=body, headers=who.headers)


async def done(server, who, method, path, body=None):
    answer = await request(server, who, method, path, body)
    assert answer.is_success, answer.text
    return answer.json().get("data")


@pytest.fixture
async def school(serve, lesson):
    """A server with every plugin, and a student who has left something in each."""
    server = await serve(extra_plugins=OPTIONAL)
    root = await server.person("admin")
    maths = await lesson(server, students=2)
    student = await server.person("student", name=NAME)
    teacher = maths.teacher
    await done(
        server, teacher, "POST", f"/class/{maths.class_id}/add-student", {"studentId": student.id}
    )
    await maths.start()
    socket = await server.socket(teacher)
    await socket.ask("ATTENDANCE_MARKED", {"studentId": student.id, "status": "absent"})
    await socket.ask("DONE")
    path = f"/class/{maths.class_id}/sessions"
    session = (await done(server, teacher, "GET", path))[0]["_id"]
    record = f"/session/{session}/attendance/{student.id}"
    for v in range(1, 43):
        change = {"status": ("late", "absent")[v % 2], "v": v, "reason": f"spotted {v}"}
        await done(server, teacher, "PATCH", record, {**change, "note": "blotchy"})
    day = core(server.app).local_day().isoformat()
    excuse = {"from": day, "to": day, "reason": "measles", "file": {"content": PDF}}
    for _ in range(2):
        handed_in = await done(server, student, "POST", "/excuses", excuse)
    refuse = f"/excuses/{handed_in['_id']}/refuse"
    await done(server, teacher, "POST", refuse, {"word": "hearsay"})
    sick = {"date": day, "status": "absent", "reason": "measles", "studentIds": [student.id]}
    await done(server, root, "POST", "/attendance/absences", sick)
    guardian = {"name": "Mary Quagmire", "email": "mary@quagmire.example"}
    await done(server, root, "POST", f"/student/{student.id}/guardians", guardian)
    await done(server, root, "POST", f"/admin/people/{student.id}/reset")
    invited = {"role": "student", "email": student.email}
    await done(server, root, "POST", "/admin/invitations", invited)
    await server.settled()
    return server, root, maths, student, session


async def everything(server):
    """Return every collection as text, also the pieces of files."""
    found = {}
    for name in await server.documents.list_collection_names():
        documents = await server.documents[name].find().to_list()
        found[name] = "\n".join(map(str, documents))
    return found


def naming(found, student):
    words = (*WORDS, student.email, student.email.split("@")[0])
    return {name for name, text in found.items() if any(word in text for word in words)}


async def test_an_erased_person_is_in_no_collection_and_counts_stay_right(school):
    server, root, maths, student, session = school
    before = await everything(server)
    assert {
        "users",
        "attendance",
        "attendance_history",
        "excuses",
        "guardians",
        "invitations",
    } <= naming(before, student)
    assert "excuse_files.chunks" in naming(before, student)
    path = f"/class/{maths.class_id}/sessions"
    counts = [one["counts"] for one in await done(server, maths.teacher, "GET", path)]

    erase = f"/admin/people/{student.id}/erase"
    tried = await done(server, root, "POST", erase, {"dryRun": True})
    # A server renews its leases meanwhile.
    assert {**await everything(server), "leases": ""} == {**before, "leases": ""}
    told = await done(server, root, "POST", erase)
    assert (tried["dryRun"], told["dryRun"]) == (True, False)
    assert tried["erased"] == told["erased"]
    assert told["erased"]["auth"] == {"accounts": 1, "invitations": 1, "codes": 1}
    assert told["erased"]["classes"] == {"rolls": 1}
    assert told["erased"]["attendance"] == {"notes": 1, "reasons": 1}
    assert told["erased"]["records"]["reasons"] > 0
    assert told["erased"]["excuses"] == {"excuses": 2}
    assert told["erased"]["office"] == {"entries": 1}
    assert told["erased"]["guardians"] == {"guardians": 1, "notices": 0}

    await server.settled()
    assert naming(await everything(server), student) == set()
    after = [one["counts"] for one in await done(server, maths.teacher, "GET", path)]
    assert after == counts
    record = f"/session/{session}/attendance/{student.id}"
    kept = await done(server, maths.teacher, "GET", record)
    assert (kept["v"], kept["note"]) == (43, None)
    history = await done(server, maths.teacher, "GET", f"{record}/history")
    assert [entry["v"] for entry in history] == list(range(1, 44))
    assert {entry["reason"] for entry in history} == {None}
    roll = await done(server, maths.teacher, "GET", f"/class/{maths.class_id}/roll")
    assert student.id not in str(roll)
    person = await done(server, root, "GET", f"/admin/people/{student.id}")
    assert (person["displayName"], person["disabled"]) == (f"Erased {student.id[-6:]}", True)
    assert (person["email"], person["username"]) == (None, None)
    (entry,) = await server.documents["audit"].find({"action": "auth.erased"}).to_list()
    assert (entry["who"], entry["about"]["account"]) == (root.id, student.id)


async def test_tokens_die_with_their_person_and_nobody_signs_in_again(school):
    server, root, _, student, _ = school
    assert (await request(server, student, "GET", "/auth/me")).status_code == 200
    await done(server, root, "POST", f"/admin/people/{student.id}/erase", {})
    assert (await request(server, student, "GET", "/auth/me")).status_code == 401
    sign_in = {"email": student.email, "password": "correct horse"}
    assert (await server.api.post("/auth/login", json=sign_in)).status_code in (400, 401, 404)


async def test_an_erasure_can_be_repeated_also_at_once(school):
    server, root, _, student, _ = school
    erase = f"/admin/people/{student.id}/erase"
    answers = await asyncio.gather(*(request(server, root, "POST", erase) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    again = await done(server, root, "POST", erase)
    assert {n for numbers in again["erased"].values() for n in numbers.values()} == {0}
    assert await server.documents["users"].count_documents({"_id": ObjectId(student.id)}) == 1


async def test_only_administrators_erase_and_one_of_them_stays(school):
    server, root, maths, student, _ = school
    erase = f"/admin/people/{student.id}/erase"
    for who in (maths.teacher, student):
        assert (await request(server, who, "POST", erase)).status_code == 403
    last = await request(server, root, "POST", f"/admin/people/{root.id}/erase")
    assert (last.status_code, last.json()["error"]) == (
        409,
        "the server needs another administrator first",
    )
    assert (await request(server, root, "GET", "/auth/me")).status_code == 200
