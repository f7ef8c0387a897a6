"""Whose session it is: that of whoever teaches the class now, on every server."""

from __future__ import annotations

from datetime import UTC, datetime

import pymongo
import pytest
from bson import ObjectId

from quartapp import Grant, Role, core, hookimpl
from quartapp.testing import TurnedClock
from quartapp_classes import BulkClasses, ClassChange
from quartapp_classes.testing import class_room
from tests.support.failing_commands import OPTIONS, STREAM, fail

NO_SESSION = "No active attendance session"
REFUSED = {"event": "ERROR", "data": {"message": NO_SESSION}}
MIDDAY = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
TO_MIDNIGHT = 12 * 3600.0


@pytest.fixture
def scope_is_class(monkeypatch):
    monkeypatch.setenv("QUARTAPP_ATTENDANCE_SCOPE", "class")


async def set_teacher(server, by, class_id, person, body=None):
    answer = await server.api.put(
        f"/class/{class_id}/teachers/{person.id}", headers=by.headers, json=body or {}
    )
    assert answer.status_code == 200, answer.text


async def session_of(server, person, query=""):
    """The session that a person is shown; None when there is none."""
    answer = await server.api.get(f"/attendance/session{query}", headers=person.headers)
    if answer.status_code == 404:
        assert answer.json()["error"] == NO_SESSION
        return None
    return answer.json()["data"]


def names(frames):
    return [frame["event"] for frame in frames]


async def a_handing_over(server, maths, new):
    await set_teacher(server, maths.teacher, maths.class_id, new, {"primary": True})


async def an_import(server, maths, new):
    changed = ClassChange(
        ObjectId(maths.class_id), maths.class_room["className"], ObjectId(new.id), "K"
    )
    assert await BulkClasses(core(server.app).database).save([changed]) == []


async def a_change_by_hand(server, maths, new):
    await server.documents["classes"].update_one(
        {"_id": ObjectId(maths.class_id)}, {"$set": {"teacherId": ObjectId(new.id)}}
    )


async def last_answer(socket, event, data=None):
    """The last frame that a socket has got when an event of its own is handled, if any."""
    await socket.send(event, data)
    frames = await socket.drain()
    return frames[-1] if frames else None


async def refused_at_last(eventually, socket, data):
    """Wait until the marks of a socket are refused, and forget what it got until then."""

    async def is_refused():
        return await last_answer(socket, "ATTENDANCE_MARKED", data) == REFUSED

    await eventually(is_refused)


async def is_taught_by(server, maths, new, begun):
    """Whether a server answers for the session of the new teacher, and for nobody else."""
    start = {"classId": maths.class_id}
    for query in ("", f"?classId={maths.class_id}"):
        assert await session_of(server, maths.teacher, query) is None
        assert (await session_of(server, new, query))["startedAt"] == begun
    again = await server.api.post("/attendance/start", json=start, headers=new.headers)
    assert again.json()["data"]["_id"] == maths.class_id
    assert (await session_of(server, new))["startedAt"] == begun
    foreign = await server.api.post("/attendance/start", json=start, headers=maths.teacher.headers)
    assert foreign.json()["error"] == "class not found"


@pytest.mark.parametrize("scope", ["class", "global"])
@pytest.mark.parametrize("change", [a_handing_over, an_import, a_change_by_hand])
async def test_a_live_session_goes_to_the_new_teacher_on_every_server(
    serve, lesson, mark, eventually, monkeypatch, scope, change
):
    monkeypatch.setenv("QUARTAPP_ATTENDANCE_SCOPE", scope)
    one, other = await serve(), await serve()
    maths, new = await lesson(one, students=2), await one.person("teacher")
    await maths.start()
    begun = (await maths.session())["startedAt"]
    former = [await server.socket(maths.teacher) for server in (one, other)]
    taking = [await server.socket(new) for server in (one, other)]
    for socket in (*former, *taking):
        answer = await last_answer(socket, "TODAY_SUMMARY")
        assert (answer == REFUSED) == (socket in taking)

    await change(one, maths, new)

    for server in (one, other):
        await is_taught_by(server, maths, new, begun)
    for socket in former:
        await refused_at_last(eventually, socket, mark(maths.students[0], "absent"))
    for socket in former:
        await socket.drain()
    for socket, student in zip(taking, maths.students, strict=True):
        answer = await last_answer(socket, "ATTENDANCE_MARKED", mark(student))
        assert answer["event"] == "ATTENDANCE_MARKED"
    for socket in former:
        assert await last_answer(socket, "DONE") == REFUSED
    await taking[1].send("DONE")
    for socket in taking:
        assert (await socket.until("DONE"))["data"]["present"] == 2
    for socket in former:
        heard = names(await socket.drain())
        assert heard == ([] if scope == "class" else ["DONE"])
    records = await one.documents["attendance"].find({}).to_list()
    makers = {str(record["studentId"]): str(record["markedBy"]) for record in records}
    assert makers == {student.id: new.id for student in maths.students}


async def test_records_of_the_unmarked_name_who_ended_the_session(server, lesson, mark):
    maths = await lesson(server, students=2)
    await maths.start()
    teacher, colleague = await server.socket(maths.teacher), await server.person("teacher")
    await server.api.put(
        f"/class/{maths.class_id}/teachers/{colleague.id}", headers=maths.teacher.headers
    )
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    assert (await (await server.socket(colleague)).ask("DONE"))["event"] == "DONE"
    records = await server.documents["attendance"].find({}).to_list()
    makers = {str(record["studentId"]): str(record["markedBy"]) for record in records}
    marked, unmarked = maths.students
    assert makers == {marked.id: maths.teacher.id, unmarked.id: colleague.id}


@pytest.mark.usefixtures("scope_is_class")
async def test_a_co_teacher_comes_and_goes_during_a_session(serve, lesson, mark, eventually):
    one, other = await serve(), await serve()
    maths = await lesson(one, students=1)
    colleague, student = await one.person("teacher"), maths.students[0]
    await maths.start()
    teacher, socket = await one.socket(maths.teacher), await other.socket(colleague, version=1)
    assert (await socket.ask("TODAY_SUMMARY"))["data"] == {"message": NO_SESSION}

    await set_teacher(one, maths.teacher, maths.class_id, colleague)

    marked = await socket.ask("ATTENDANCE_MARKED", mark(student))
    assert marked["event"] == "ATTENDANCE_MARKED"
    await teacher.until("ATTENDANCE_MARKED")
    shown = await session_of(other, colleague)
    stored = await one.documents["sessions"].find_one({"classId": ObjectId(maths.class_id)})
    assert stored["attendance"][student.id]["by"] == ObjectId(colleague.id)
    await teacher.ask("TODAY_SUMMARY")
    seq = (await socket.until("TODAY_SUMMARY"))["seq"]
    assert seq == shown["seq"] + 1

    path = f"/class/{maths.class_id}/teachers/{colleague.id}"
    assert (await one.api.delete(path, headers=maths.teacher.headers)).status_code == 200
    assert await session_of(other, colleague) is None

    async def is_refused():
        answer = await last_answer(socket, "TODAY_SUMMARY")
        return answer is not None and answer["data"] == {"message": NO_SESSION}

    await eventually(is_refused)
    await socket.drain()
    await teacher.send("ATTENDANCE_MARKED", mark(student, "absent"))
    await teacher.drain()
    assert await socket.drain() == []
    back_to = f"/ws?token={colleague.token}&since={seq}&classId={maths.class_id}"
    back = await other.socket(colleague, path=back_to)
    assert await back.receive() == REFUSED
    await teacher.send("DONE")
    await teacher.until("DONE")
    assert await socket.drain() == []
    # Whoever teaches the class no longer is shown no more of the session, and not its end.
    again = await other.socket(colleague, path=back_to)
    assert await again.receive() == REFUSED


@pytest.mark.usefixtures("scope_is_class")
async def test_without_a_class_a_teacher_acts_on_the_session_they_started_then_on_the_newest(
    server, lesson, mark
):
    maths, colleague = await lesson(server, students=1), await server.person("teacher")
    physics = await lesson(server, students=1)
    for room in (maths, physics):
        await set_teacher(server, room.teacher, room.class_id, colleague)
    own = await class_room(server, colleague, [maths.students[0]])

    async def acted_on():
        return (await session_of(server, colleague))["classId"]

    async def start(class_id, by):
        body = {"classId": class_id}
        answer = await server.api.post("/attendance/start", json=body, headers=by.headers)
        assert answer.status_code == 200

    await start(maths.class_id, maths.teacher)
    assert await acted_on() == maths.class_id
    await start(physics.class_id, physics.teacher)
    assert await acted_on() == physics.class_id
    await start(own["_id"], colleague)
    assert await acted_on() == own["_id"]
    chemistry = await lesson(server, students=1)
    await set_teacher(server, chemistry.teacher, chemistry.class_id, colleague)
    await start(chemistry.class_id, chemistry.teacher)
    assert await acted_on() == own["_id"]
    socket = await server.socket(colleague)
    frame = await socket.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    assert frame["classId"] == own["_id"]
    assert (await socket.ask("DONE"))["classId"] == own["_id"]
    assert (await socket.ask("TODAY_SUMMARY"))["classId"] == chemistry.class_id
    named = await session_of(server, colleague, f"?classId={maths.class_id}")
    assert named["classId"] == maths.class_id


@pytest.mark.usefixtures("scope_is_class")
async def test_a_substitute_follows_the_session_up_to_midnight(serve, lesson, mark):
    clock = TurnedClock(MIDDAY)
    server = await serve(clock=clock, timezone="UTC")
    server.api.headers["Connection"] = "close"
    maths, substitute = await lesson(server, students=1), await server.person("teacher")
    until = {"until": "2026-03-09"}
    await set_teacher(server, maths.teacher, maths.class_id, substitute, until)
    await clock.advance(TO_MIDNIGHT - 60)
    start = {"classId": maths.class_id}
    by = substitute.headers
    assert (await server.api.post("/attendance/start", json=start, headers=by)).is_success
    teacher, socket = await server.socket(maths.teacher), await server.socket(substitute)
    assert (await socket.ask("ATTENDANCE_MARKED", mark(maths.students[0])))["event"] == (
        "ATTENDANCE_MARKED"
    )
    await teacher.until("ATTENDANCE_MARKED")
    await clock.advance(30)
    await teacher.ask("TODAY_SUMMARY")
    assert names(await socket.drain()) == ["TODAY_SUMMARY"]
    await clock.advance(30)
    await teacher.ask("TODAY_SUMMARY")
    assert await socket.drain() == []
    assert await socket.ask("DONE") == REFUSED
    assert await session_of(server, substitute) is None
    assert (await teacher.ask("DONE"))["event"] == "DONE"
    assert await socket.drain() == []


class Assistants:
    """Lets people of a role call the roll of every class."""

    name = "assistants"

    @hookimpl
    def register_roles(self):
        return [Role("assistant", {"marks:write"})]

    @hookimpl
    def grant(self, principal, permission):
        return Grant() if (principal.role, permission) == ("assistant", "marks:write") else None


async def test_whoever_calls_the_roll_is_shown_the_whole_session_when_they_come_back(
    serve, lesson, mark
):
    server = await serve(beside=[Assistants])
    maths, assistant = await lesson(server, students=2), await server.person("assistant")
    await maths.start()
    teacher = await server.socket(maths.teacher)
    for student in maths.students:
        await teacher.ask("ATTENDANCE_MARKED", mark(student))
    whole = {student.id: "present" for student in maths.students}
    assert (await session_of(server, assistant))["attendance"] == whole
    # No session has this number, so the state comes instead of single broadcasts.
    for person, expected in (
        (assistant, whole),
        (maths.teacher, whole),
        (maths.students[0], {maths.students[0].id: "present"}),
    ):
        back = await server.socket(person, path=f"/ws?token={person.token}&since=1")
        state = await back.receive()
        assert (state["event"], state["data"]["attendance"]) == ("SESSION_STATE", expected)


async def test_without_a_stream_each_question_is_read(own_mongod, serve, lesson, mark):
    mongod, clock = own_mongod(*OPTIONS), TurnedClock()
    server = await serve(mongodb_uri=mongod.uri, clock=clock)
    server.api.headers["Connection"] = "close"
    maths, new = await lesson(server, students=1), await server.person("teacher")
    await maths.start()
    former = await server.socket(maths.teacher)
    assert (await former.ask("TODAY_SUMMARY"))["event"] == "TODAY_SUMMARY"
    fail(mongod, "classes", *STREAM)
    for pause in (0.1, 0.2, 0.4, 0.8, 1.6):
        await clock.asked(pause)
        await clock.advance(pause)
    await clock.asked(2)
    changes = {"$set": {"teacherId": ObjectId(new.id)}}
    with pymongo.MongoClient(mongod.uri) as client:
        client.quartapp.classes.update_one({"_id": ObjectId(maths.class_id)}, changes)
    assert await former.ask("TODAY_SUMMARY") == REFUSED
    assert await session_of(server, new) is not None
    fail(mongod, "classes")
    await clock.advance(2)


async def test_a_standalone_database_is_asked_every_second(own_mongod, serve, lesson):
    mongod, clock = own_mongod(), TurnedClock()
    server = await serve(mongodb_uri=mongod.uri, clock=clock)
    maths, new = await lesson(server, students=1), await server.person("teacher")
    await maths.start()
    former = await server.socket(maths.teacher)
    assert (await former.ask("TODAY_SUMMARY"))["event"] == "TODAY_SUMMARY"
    changes = {"$set": {"teacherId": ObjectId(new.id)}}
    with pymongo.MongoClient(mongod.uri) as client:
        client.quartapp.classes.update_one({"_id": ObjectId(maths.class_id)}, changes)
    await clock.asked(1)
    await clock.advance(1)
    assert await former.ask("TODAY_SUMMARY") == REFUSED
