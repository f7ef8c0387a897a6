"""The register and its records, without a browser: who sees and changes what."""

from __future__ import annotations

import re
from datetime import timedelta

from quartapp import core

REASON = "She was at the <doctor>"


async def entered(server, lesson, *, days_ago=0, statuses=("present", "absent")):
    """Return a lesson with one ended session, and the ``_id`` of the session."""
    maths = await lesson(server)
    day = (core(server.app).local_day() - timedelta(days=days_ago)).isoformat()
    records = [
        {"studentId": student.id, "status": status}
        for student, status in zip(maths.students, statuses, strict=True)
    ]
    # Teachers have a week for it, the office has any time.
    author = maths.teacher if days_ago < 7 else await server.person("admin")
    answer = await server.api.post(
        f"/class/{maths.class_id}/sessions",
        json={"date": day, "records": records},
        headers=author.headers,
    )
    assert answer.status_code == 201, answer.text
    return maths, answer.json()["data"]["_id"]


def version(answer):
    return re.search(r'name="v" value="(\d+)"', answer.text)[1]


async def test_register_has_a_row_for_each_student_and_a_link_for_each_record(serve, lesson):
    server = await serve()
    maths, session = await entered(server, lesson)
    page = server.page(maths.teacher)
    listed = (await page.get("/app/register/")).text
    assert f'href="/app/register/{maths.class_id}"' in listed
    shown = (await page.get(f"/app/register/{maths.class_id}")).text
    for student, label in zip(maths.students, ("Present", "Absent"), strict=True):
        assert f'href="/app/session/{session}/{student.id}" title="{label}"' in shown
    far = await page.get(f"/app/register/{maths.class_id}?from=2020-01-01&to=2020-01-31")
    assert "No roll call in these days" in far.text


async def test_days_that_make_no_sense_are_told(serve, lesson):
    server = await serve()
    maths = await lesson(server)
    page, path = server.page(maths.teacher), f"/app/register/{maths.class_id}"
    for query, told in (
        ("?from=2026-02-01&to=2026-01-01", "The first day is after the last one"),
        ("?from=2020-01-01&to=2026-01-01", "more than two years"),
    ):
        answer = await page.get(path + query)
        assert (answer.status_code, told in answer.text) == (200, True)
    assert (await page.get(path + "?from=&to=")).status_code == 200
    assert (await page.get(path + "?from=0001-01-01&to=0001-01-02")).status_code == 200
    for query in ("?from=yesterday", "?from=2026-02-30", "?to=" + "9" * 200):
        assert (await page.get(path + query)).status_code == 400


async def test_register_begins_with_the_present_term(serve, lesson):
    server = await serve()
    maths, _ = await entered(server, lesson, days_ago=40)
    today = core(server.app).local_day()
    page, path = server.page(maths.teacher), f"/app/register/{maths.class_id}"
    assert "No roll call in these days" in (await page.get(path)).text
    admin = await server.person("admin")
    first, last = today - timedelta(days=50), today + timedelta(days=50)
    body = {"name": "<Autumn>", "from": first.isoformat(), "to": last.isoformat()}
    made = await server.api.post("/calendar/terms", json=body, headers=admin.headers)
    assert made.status_code == 201, made.text
    shown = (await page.get(path)).text
    assert f'name="from" id="from" value="{first}"' in shown
    assert 'title="Absent"' in shown
    assert "<bdi>&lt;Autumn&gt;</bdi>" in shown


async def test_record_is_corrected_with_a_reason_and_keeps_its_history(serve, lesson):
    server = await serve()
    maths, session = await entered(server, lesson, days_ago=1)
    page, path = server.page(maths.teacher), f"/app/session/{session}/{maths.students[1].id}"
    shown = await page.get(path)
    without = await page.submit(path, status="present", v=version(shown), reason=" ")
    assert without.status_code == 422
    assert "type why you change the record" in without.text
    changed = await page.submit(path, status="present", v=version(shown), reason=REASON)
    assert (changed.status_code, changed.headers["location"]) == (303, path)
    after = (await page.follow(changed)).text
    assert "Absent → <strong>Present</strong>" in after
    assert "She was at the &lt;doctor&gt;" in after


async def test_record_that_somebody_else_has_changed_is_not_overwritten(serve, lesson):
    server = await serve()
    maths, session = await entered(server, lesson)
    page, path = server.page(maths.teacher), f"/app/session/{session}/{maths.students[1].id}"
    seen = version(await page.get(path))
    assert (await page.submit(path, status="present", v=seen)).status_code == 303
    late = await page.submit(path, status="absent", v=seen)
    assert late.status_code == 409
    assert "Somebody has changed this record meanwhile" in late.text
    assert version(late) != seen
    assert "Absent → <strong>Present</strong>" in late.text
    assert 'value="absent" required checked' in late.text
    assert (await page.submit(path, status="absent", v=version(late))).status_code == 303


async def test_what_may_not_be_changed_is_said(serve, lesson):
    server = await serve()
    maths, session = await entered(server, lesson, days_ago=1)
    admin = await server.person("admin")
    path = f"/app/session/{session}/{maths.students[0].id}"
    office, page = server.page(admin), server.page(maths.teacher)
    shown = await office.get(path)
    fields = {"status": "absent", "reason": "A letter"}
    assert (await office.submit(path, v=version(shown), **fields)).status_code == 303
    seen = version(await page.get(path))
    refused = await page.submit(path, v=seen, status="present", reason="No")
    assert (refused.status_code, "The office has set this record" in refused.text) == (403, True)
    for status in ("", "nothing", "x" * 200):
        unfit = await page.submit(path, v=seen, status=status, reason="No")
        assert unfit.status_code in {403, 422}, status
        assert 'role="alert"' in unfit.text
    assert (await page.submit(path, v="x", status="present")).status_code == 422


async def test_only_teachers_of_the_class_see_and_change_records(serve, lesson):
    server = await serve()
    maths, session = await entered(server, lesson)
    own = f"/app/session/{session}/{maths.students[0].id}"
    register = f"/app/register/{maths.class_id}"
    for person in (await server.person("teacher"), maths.students[0]):
        page = server.page(person)
        assert (await page.get(register)).status_code == 403
        assert (await page.get(own)).status_code == 403
        assert (await page.submit(own, status="present", v=1)).status_code == 403
    assert "/app/register/" not in (await server.page(maths.students[0]).get("/app/now")).text
    page = server.page(maths.teacher)
    other = await server.person("student")
    for missing in (f"/app/session/{'0' * 24}/{other.id}", f"/app/session/{session}/{other.id}"):
        assert (await page.get(missing)).status_code == 404
    assert (await page.get(f"/app/session/{session}/x")).status_code == 404


async def test_roll_call_that_was_cut_off_is_finished_from_the_register(serve, lesson, mark):
    server = await serve()
    maths, physics = await lesson(server), await lesson(server)
    await maths.start()
    socket = await server.socket(maths.teacher)
    await socket.ask("ATTENDANCE_MARKED", mark(maths.students[0], "present"))
    await physics.start()
    page = server.page(maths.teacher)
    shown = (await page.get(f"/app/register/{maths.class_id}")).text
    assert 'title="not marked"' in shown
    (path,) = re.findall(r'action="(/app/session/\w+/finish)"', shown)
    answer = await page.submit(path)
    finished = (await page.follow(answer)).text
    assert 'title="Absent"' in finished
    assert 'title="not marked"' not in finished
