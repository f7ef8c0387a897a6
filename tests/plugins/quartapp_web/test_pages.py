"""The pages of teachers and students, without a browser: who gets what, and what they may do."""

from __future__ import annotations

import re

import pytest

from quartapp import Deny, hookimpl
from quartapp_classes.testing import class_room
from quartapp_web.statuses import free_letter

MISSING = "0" * 24


def instead(answer):
    """Return the field by which a teacher agrees to the end of another roll call."""
    return re.search(r'name="instead" value="(\w+)"', answer.text)[1]


async def test_today_lists_classes_with_the_live_ones_first(serve, lesson):
    server = await serve()
    maths = await lesson(server)
    art = await class_room(server, maths.teacher, maths.students[:1], name="<Art>")
    page = server.page(maths.teacher)
    before = (await page.get("/app/today")).text
    assert "&lt;Art&gt;" in before
    assert "<Art>" not in before
    assert before.index("&lt;Art&gt;") < before.index(maths.class_room["className"])
    assert re.findall("[0-9] students?", before) == ["1 student", "2 students"]
    started = await page.submit("/app/today", classId=maths.class_id)
    assert (started.status_code, started.headers["location"]) == (
        303,
        f"/app/roll/{maths.class_id}",
    )
    after = (await page.get("/app/today")).text
    assert after.index(maths.class_room["className"]) < after.index("&lt;Art&gt;")
    assert f'href="/app/roll/{maths.class_id}"' in after
    assert art["_id"] in after


async def test_start_asks_before_it_ends_another_roll_call(serve, lesson, session_states):
    server = await serve()
    maths, physics = await lesson(server), await lesson(server)
    await maths.start()
    page = server.page(physics.teacher)
    asked = await page.submit("/app/today", classId=physics.class_id)
    assert asked.status_code == 200
    assert maths.class_room["className"] in asked.text
    assert await session_states(server) == ["active"]
    agreed = await page.submit("/app/today", classId=physics.class_id, instead=instead(asked))
    assert agreed.status_code == 303
    assert sorted(await session_states(server)) == ["active", "superseded"]
    # Who has agreed to the end of one session has not agreed to that of the next.
    await maths.start()
    stale = await page.submit("/app/today", classId=physics.class_id, instead=instead(asked))
    assert stale.status_code == 200
    assert instead(stale) != instead(asked)


async def test_start_beside_other_roll_calls_asks_nothing(serve, lesson, monkeypatch):
    monkeypatch.setenv("QUARTAPP_ATTENDANCE_SCOPE", "class")
    server = await serve()
    maths, physics = await lesson(server), await lesson(server)
    await maths.start()
    page = server.page(physics.teacher)
    assert (await page.submit("/app/today", classId=physics.class_id)).status_code == 303
    assert (await page.submit("/app/today", classId=physics.class_id)).status_code == 303


@pytest.mark.parametrize("class_id", [MISSING, "", "x", "\x00", "\u202e" * 100, "../today"])
async def test_class_that_is_not_there_cannot_be_started(serve, class_id):
    server = await serve()
    page = server.page(await server.person("teacher"))
    answer = await page.submit("/app/today", classId=class_id)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


async def test_only_teachers_of_a_class_get_its_roll(serve, lesson):
    server = await serve()
    maths = await lesson(server)
    await maths.start()
    path = f"/app/roll/{maths.class_id}"
    own = await server.page(maths.teacher).get(path)
    assert own.status_code == 200
    assert own.headers["cache-control"] == "no-store"
    assert own.text.count("data-student=") == 2
    other = server.page(await server.person("teacher"))
    assert (await other.get(path)).status_code == 403
    assert (await other.submit("/app/today", classId=maths.class_id)).status_code == 404
    for person in (maths.students[0], await server.person("student")):
        answer = await server.page(person).get(path)
        assert answer.status_code == 403
        assert maths.class_room["className"] not in answer.text
    stranger = await server.page().get(path)
    assert stranger.headers["location"] == f"/app/sign-in?next=%2Fapp%2Froll%2F{maths.class_id}"
    assert (await other.get("/app/roll/nothing")).status_code == 404


async def test_roll_shows_marks_as_stored(serve, lesson, mark):
    server = await serve()
    maths = await lesson(server)
    page, path = server.page(maths.teacher), f"/app/roll/{maths.class_id}"
    assert "No roll call of this class is live" in (await page.get(path)).text
    await maths.start()
    socket = await server.socket(maths.teacher)
    await socket.ask("ATTENDANCE_MARKED", mark(maths.students[1], "absent"))
    shown = (await page.get(path)).text
    assert f'data-student="{maths.students[0].id}" data-status=""' in shown
    assert f'data-student="{maths.students[1].id}" data-status="absent"' in shown
    assert shown.count("checked") == 1


async def test_names_are_text_everywhere(serve):
    server = await serve()
    name = '"><script>alert(1)</script>'
    teacher = await server.person("teacher", name=name)
    student = await server.person("student", name=name)
    room = await class_room(server, teacher, [student], name=name)
    page = server.page(teacher)
    await page.submit("/app/today", classId=room["_id"])
    paths = ("/app/today", f"/app/roll/{room['_id']}")
    texts = [(await page.get(path)).text for path in paths]
    texts += [(await server.page(student).get(path)).text for path in ("/app/now",)]
    for text in texts:
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text


async def test_policy_about_starts_holds_for_the_page(serve, lesson, session_states):
    class Holidays:
        name = "holidays"
        messages = ("It is a holiday",)

        @hookimpl
        def authorize(self, action, resource):
            asked = action == "startAttendance" and resource["body"].class_id
            return Deny("It is a holiday") if asked else None

    server = await serve(beside=[Holidays])
    maths = await lesson(server)
    answer = await server.page(maths.teacher).submit("/app/today", classId=maths.class_id)
    assert answer.status_code == 403
    assert "It is a holiday" in answer.text
    assert await session_states(server) == []


async def test_start_from_another_site_is_refused(serve, lesson, session_states):
    server = await serve()
    maths = await lesson(server)
    answer = await server.page(maths.teacher).client.post(
        "/app/today",
        data={"classId": maths.class_id},
        headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert await session_states(server) == []


async def test_student_gets_the_own_mark_and_record_alone(serve, lesson, mark):
    server = await serve()
    maths = await lesson(server)
    page = server.page(maths.students[0])
    assert "No roll call is live" in (await page.get("/app/now")).text
    assert "No record yet" in (await page.get("/app/my-attendance")).text
    await maths.start()
    socket = await server.socket(maths.teacher)
    for student, status in zip(maths.students, ("present", "absent"), strict=True):
        await socket.ask("ATTENDANCE_MARKED", mark(student, status))
    now = (await page.get("/app/now")).text
    assert "You are marked: Present" in now
    assert maths.students[1].id not in now
    await socket.ask("DONE")
    assert "Present" in (await page.get("/app/my-attendance")).text
    for path in ("/app/now", "/app/my-attendance"):
        assert (await server.page(maths.teacher).get(path)).status_code == 403


async def test_administrator_begins_at_today(serve):
    server = await serve()
    page = server.page(await server.person("admin"))
    home = await page.get("/app/")
    assert home.headers["location"] == "/app/today"
    assert "You have no classes yet" in (await page.follow(home)).text


async def test_status_that_was_given_up_is_shown_by_its_code(serve, lesson, monkeypatch):
    monkeypatch.setenv("QUARTAPP_ATTENDANCE_SCOPE", "class")
    server = await serve()
    maths = await lesson(server)
    await maths.start()
    student = maths.students[0].id
    await server.documents["sessions"].update_one(
        {}, {"$set": {f"attendance.{student}": {"status": "napping", "by": maths.teacher.id}}}
    )
    shown = (await server.page(maths.teacher).get(f"/app/roll/{maths.class_id}")).text
    assert f'data-student="{student}" data-status="napping"' in shown
    assert 'value="napping" autocomplete="off" checked' in shown
    assert "napping" in (await server.page(maths.students[0]).get("/app/now")).text


def test_each_status_has_a_letter_of_its_own():
    taken = set()
    for label in ("Present", "Absent", "Late", "Excused", "Left early", "Pal", "…"):
        taken.add(free_letter(label, taken))
    assert taken == {"P", "A", "L", "E", "F", "1", "2"}


async def test_worker_is_a_script_above_all_pages(serve):
    server = await serve()
    answer = await server.page().get("/app/worker.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    files = re.findall(r'"(/app/[\w./-]+)",', answer.text)
    assert len(files) > 5
    for path in (*files, "/app/offline"):
        assert (await server.page().get(path)).status_code == 200
    kept = {path.rpartition("/")[2] for path in files}
    imported = {"roll.js"}
    for name in sorted(kept):
        if name.endswith(".js"):
            text = (await server.page().get(f"/app/static/{name}")).text
            imported |= set(re.findall(r'^import .* from "\./([\w-]+\.js)";', text, re.MULTILINE))
    assert imported <= kept
