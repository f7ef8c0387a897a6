from __future__ import annotations

import pytest


def delta(roster):
    roster.modes = dict.fromkeys(roster.rows, "delta")
    for rows in roster.rows.values():
        for row in rows:
            row.setdefault("status", "active")
    return roster


def test_importing_twice_changes_nothing(school):
    school.bring_in(school.small())
    before = school.everything()
    result = school.bring_in(school.small())
    assert school.everything() == before
    assert "rolls: 0 names to add, 0 to remove" in result.stdout


def test_person_missing_from_a_complete_set_leaves_the_roll_and_keeps_the_account(school):
    school.bring_in(school.small())
    bob = school.person("bob@school.example")
    roster = school.small()
    del roster.rows["users"][2]
    del roster.rows["enrollments"][2]
    result = school.bring_in(roster, "--dry-run")
    assert "- bob@school.example in Algebra" in result.stdout
    assert school.roll("c1") == ["ann", "bob"]
    school.bring_in(roster)
    assert school.roll("c1") == ["ann"]
    assert school.class_room("c1")["rollVersion"] == 2
    assert school.person("bob@school.example") == bob


def test_a_class_missing_from_a_complete_set_stays_with_an_empty_roll(school):
    roster = school.small().class_("c2", "Biology").enrol("tea", "c2", "teacher").enrol("ann", "c2")
    school.bring_in(roster)
    result = school.bring_in(school.small())
    assert "1 imported classes are over; they stay" in result.stdout
    assert school.roll("c2") == []
    assert school.class_room("c2")["className"] == "Biology"
    assert school.roll("c1") == ["ann", "bob"]


async def test_records_stay_when_people_leave(school, serve):
    import asyncio

    await asyncio.to_thread(school.bring_in, school.small())
    command = ("user", "set-password", "tea@school.example", "--stdin")
    await asyncio.to_thread(school.run, *command, stdin="long enough\n")
    server = await serve()
    token = await server.sign_in("tea@school.example", "long enough")
    headers = {"Authorization": f"Bearer {token}"}
    await server.api.post("/attendance/start", json={"className": "Algebra"}, headers=headers)
    async with asyncio.timeout(300):
        socket = await server.socket(path=f"/ws?token={token}")
        await socket.send("DONE")
        assert (await socket.until("DONE"))["data"]["absent"] == 2

    def records():
        return list(school.db["attendance"].find(sort=[("_id", 1)]))

    before = await asyncio.to_thread(records)
    assert len(before) == 2
    leavers = school.set().add("users", id="ann", status="tobedeleted")
    leavers.add("classes", id="c1", status="tobedeleted")
    await asyncio.to_thread(school.bring_in, delta(leavers))
    assert await asyncio.to_thread(school.roll, "c1") == []
    assert await asyncio.to_thread(records) == before


def test_student_added_by_a_teacher_stays_on_the_roll(school):
    school.bring_in(school.small().user("eve"))
    eve = school.person("eve@school.example")["_id"]
    school.db["classes"].update_one({"sourcedId": "c1"}, {"$push": {"studentsIds": eve}})
    roster = school.small().user("eve")
    del roster.rows["enrollments"][1]
    school.bring_in(roster)
    assert school.roll("c1") == ["bob", "eve"]


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ({"beginDate": "2026-01-01", "endDate": "2026-03-02"}, ["ann", "bob"]),
        ({"endDate": "2026-03-01"}, ["bob"]),  # the end is the first day that is out again
        ({"endDate": "2026-02-28T23:59:59.000Z"}, ["bob"]),
        ({"beginDate": "2026-03-01"}, ["ann", "bob"]),
        ({"beginDate": "2026-03-02"}, ["bob"]),
    ],
)
def test_dates_decide_the_roll(school, dates, expected):
    roster = school.small()
    roster.rows["enrollments"][1] |= dates
    school.bring_in(roster, "--as-of", "2026-03-01")
    assert school.roll("c1") == expected


def test_every_later_import_applies_dates_that_have_come(school):
    roster = school.small()
    roster.rows["enrollments"][1] |= {"endDate": "2026-04-01"}
    roster.rows["enrollments"][2] |= {"beginDate": "2026-03-15"}
    result = school.bring_in(roster, "--as-of", "2026-03-01")
    assert "1 enrolments begin later" in result.stdout
    assert school.roll("c1") == ["ann"]
    change = delta(school.set().user("eve"))
    school.bring_in(change, "--as-of", "2026-03-20")
    assert school.roll("c1") == ["ann", "bob"]
    change.rows["users"][0]["familyName"] = "Other"
    school.bring_in(change, "--as-of", "2026-04-01")
    assert school.roll("c1") == ["bob"]


def test_class_with_future_enrolments_has_its_teacher_now(school):
    roster = school.small()
    for row in roster.rows["enrollments"]:
        row["beginDate"] = "2026-09-01"
    school.bring_in(roster, "--as-of", "2026-08-01")
    assert school.class_room("c1")["teacherId"] == school.person("tea@school.example")["_id"]
    assert school.roll("c1") == []
    school.bring_in(roster, "--as-of", "2026-09-01")
    assert school.roll("c1") == ["ann", "bob"]


class TestDelta:
    def test_delta_changes_only_its_own_rows(self, school):
        school.bring_in(school.small())
        change = school.set().user("eve").enrol("eve", "c1")
        change.add("enrollments", id="bob-c1", status="tobedeleted")
        school.bring_in(delta(change))
        assert school.roll("c1") == ["ann", "eve"]
        assert school.emails() == {f"{k}@school.example" for k in ("tea", "ann", "bob", "eve")}

    def test_person_to_be_deleted_leaves_all_rolls_and_cannot_sign_in(self, school):
        school.bring_in(school.small())
        change = delta(school.set().add("users", id="ann", status="tobedeleted"))
        result = school.bring_in(change, "--dry-run")
        assert "- student ann@school.example: may not sign in any longer" in result.stdout
        school.bring_in(change)
        assert school.roll("c1") == ["bob"]
        assert school.person("ann@school.example")["disabled"] is True
        school.bring_in(delta(school.set().user("ann").enrol("ann", "c1")))
        assert "disabled" not in school.person("ann@school.example")
        assert school.roll("c1") == ["bob", "ann"]

    def test_a_class_to_be_deleted_stays_with_an_empty_roll(self, school):
        school.bring_in(school.small())
        school.bring_in(delta(school.set().add("classes", id="c1", status="tobedeleted")))
        assert school.roll("c1") == []

    def test_an_enrolment_that_moves_leaves_the_old_class(self, school):
        roster = school.small().class_("c2", "Biology").enrol("tea", "c2", "teacher")
        school.bring_in(roster)
        change = school.set().add(
            *("enrollments",), id="bob-c1", classSourcedId="c2", userSourcedId="bob", role="student"
        )
        school.bring_in(delta(change))
        assert school.roll("c1") == ["ann"]
        assert school.roll("c2") == ["bob"]

    def test_an_empty_status_is_rejected(self, school):
        school.bring_in(school.small())
        change = delta(school.set().user("eve", status=""))
        assert "line 2: status is empty" in school.bring_in(change, status=2).stderr

    def test_rows_with_unknown_people_are_rejected(self, school):
        school.bring_in(school.small())
        change = delta(school.set().enrol("zoe", "c1").enrol("ann", "c9").enrol("tea", "c1"))
        stderr = school.bring_in(change, status=2).stderr
        assert "enrollments.csv, line 2: user zoe is not known" in stderr
        assert "enrollments.csv, line 3: class c9 is not known" in stderr
        assert (
            "line 4: tea@school.example is a teacher, and cannot be enrolled as a student" in stderr
        )

    def test_delta_without_roles_keeps_the_known_roles(self, school):
        school.bring_in(school.small())
        change = delta(school.set(version="1.2").user("ann", familyName="Wed").user("eve"))
        stderr = school.bring_in(change, status=3).stderr
        assert "users.csv, line 3: roles.csv has no role in force" in stderr
        assert school.person("ann@school.example")["displayName"] == "Ann Wed"


def test_a_rejected_row_undoes_nothing(school):
    school.bring_in(school.small())
    before = school.everything()
    roster = school.small()
    roster.rows["users"][1]["email"] = "no"
    roster.rows["classes"][0]["status"] = "what"
    roster.rows["enrollments"][2]["endDate"] = "tomorrow"
    result = school.bring_in(roster, status=3)
    assert "line 4: endDate 'tomorrow' is not a date like 2026-08-31" in result.stderr
    assert school.everything() == before


def roster_of(school, size):
    """Return a set with one class, and ``size`` students on its roll."""
    roster = (
        school.set().user("tea", "teacher").class_("c1", "Algebra").enrol("tea", "c1", "teacher")
    )
    for number in range(size):
        roster.user(f"s{number}").enrol(f"s{number}", "c1")
    return roster


def without_enrolments(rows, left):
    del rows["enrollments"][left + 1 :]


def without_classes(rows, left):
    # The enrolments stay, and name a class that the set lacks.
    rows["classes"] = [{"sourcedId": "c2", "title": "Botany"}]
    rows["enrollments"].append(
        {"sourcedId": "x", "userSourcedId": "tea", "classSourcedId": "c2", "role": "teacher"}
    )
    for row in rows["enrollments"][1 : left + 1]:
        row["classSourcedId"] = "c2"


def without_people(rows, left):
    del rows["users"][left + 1 :]


@pytest.mark.parametrize("lacks", [without_enrolments, without_people])
@pytest.mark.parametrize(("size", "left"), [(120, 9), (99, 0), (9, 4), (5, 0)])
def test_truncated_set_is_refused_at_any_size(school, lacks, size, left):
    roster = roster_of(school, size)
    school.bring_in(roster)
    before = school.everything()
    lacks(roster.rows, left)
    message = school.refused(roster)
    assert message.startswith(f"the set lacks {size - left} of {size} imported enrolments")
    assert school.everything() == before
    assert school.refused(roster, "--dry-run") == message
    status = 0 if lacks is without_enrolments else 3
    school.bring_in(roster, "--allow-removals", status=status)
    assert len(school.roll("c1")) == left


@pytest.mark.parametrize("lacks", [without_enrolments, without_people])
@pytest.mark.parametrize(("size", "left"), [(8, 4), (4, 0)])
def test_set_may_remove_half_of_the_names_or_four(school, lacks, size, left):
    roster = roster_of(school, size)
    school.bring_in(roster)
    lacks(roster.rows, left)
    school.bring_in(roster, status=0 if lacks is without_enrolments else 3)
    assert len(school.roll("c1")) == left


def test_a_set_without_its_classes_is_refused(school):
    roster = roster_of(school, 20)
    school.bring_in(roster)
    before = school.everything()
    without_classes(roster.rows, 0)
    assert school.refused(roster).startswith("the set lacks 20 of 20 imported enrolments")
    assert school.everything() == before


@pytest.mark.parametrize(
    "ends",
    [
        lambda roster, row: row.update(status="tobedeleted"),
        lambda roster, row: row.update(endDate="2020-01-01"),
        lambda roster, row: row.update(beginDate="2999-01-01"),
    ],
    ids=["deleted", "ended", "not begun"],
)
def test_set_may_remove_all_names_row_by_row(school, ends):
    roster = roster_of(school, 20)
    school.bring_in(roster)
    for row in roster.rows["enrollments"][1:]:
        ends(roster, row)
    school.bring_in(roster)
    assert school.roll("c1") == []


def test_set_may_mark_all_students_as_deleted(school):
    roster = roster_of(school, 20)
    school.bring_in(roster)
    for row in roster.rows["users"][1:]:
        row["status"] = "tobedeleted"
    school.bring_in(roster, status=3)
    assert school.roll("c1") == []
