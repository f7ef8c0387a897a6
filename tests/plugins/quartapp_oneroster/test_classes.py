from __future__ import annotations

import pytest

from quartapp import name_key
from quartapp_classes.testing import class_room
from quartapp_oneroster.names import MAX_NAME, MIN_NAME, candidates


def test_a_class_has_its_teacher_and_its_roll(school):
    school.bring_in(school.small())
    found = school.class_room("c1")
    assert found["className"] == "Algebra"
    assert found["teacherId"] == school.person("tea@school.example")["_id"]
    assert school.roll("c1") == ["ann", "bob"]
    assert found["rollVersion"] == 1


async def test_the_api_shows_what_was_imported(school, serve):
    import asyncio

    await asyncio.to_thread(school.bring_in, school.small())
    command = ("user", "set-password", "tea@school.example", "--stdin")
    await asyncio.to_thread(school.run, *command, stdin="long enough\n")
    server = await serve()
    token = await server.sign_in("tea@school.example", "long enough")
    headers = {"Authorization": f"Bearer {token}"}
    [found] = (await server.api.get("/class", headers=headers)).json()["data"]
    [detail] = (await server.api.get(f"/class/{found['_id']}", headers=headers)).json()["data"]
    assert detail["className"] == "Algebra"
    assert detail["studentsIds"] == [
        {"name": "ann person", "email": "ann@school.example"},
        {"name": "bob person", "email": "bob@school.example"},
    ]


def test_the_primary_teacher_has_the_class(school):
    roster = school.small().user("two", "teacher")
    roster.rows["enrollments"][0]["primary"] = "false"
    roster.enrol("two", "c1", "teacher", primary="true")
    school.bring_in(roster)
    assert school.class_room("c1")["teacherId"] == school.person("two@school.example")["_id"]


def test_class_without_a_primary_teacher_keeps_its_teacher(school):
    school.bring_in(school.small())
    roster = school.small().user("aaa", "teacher")
    roster.rows["enrollments"][0]["primary"] = ""
    roster.enrol("aaa", "c1", "teacher", beginDate="2001-01-01")
    school.bring_in(roster)
    assert school.class_room("c1")["teacherId"] == school.person("tea@school.example")["_id"]


def test_another_teacher_takes_over(school):
    school.bring_in(school.small())
    roster = school.small().user("two", "teacher")
    roster.rows["enrollments"][0]["userSourcedId"] = "two"
    result = school.bring_in(roster, "--dry-run")
    line = "~ Algebra: teacher tea@school.example → two@school.example"
    assert line in result.stdout
    school.bring_in(roster)
    assert school.class_room("c1")["teacherId"] == school.person("two@school.example")["_id"]
    assert school.roll("c1") == ["ann", "bob"]


def test_a_class_without_a_teacher_is_rejected_and_its_roll_with_it(school):
    roster = school.small().class_("c2", "Biology").enrol("ann", "c2")
    result = school.bring_in(roster, status=3)
    assert "classes.csv, line 3: no teacher is enrolled in it" in result.stderr
    assert "enrollments.csv, line 5: class c2 was rejected (classes.csv, line 3)" in result.stderr
    assert school.names() == {"Algebra"}


def test_class_keeps_a_leaving_teacher_until_another_teacher_comes(school):
    school.bring_in(school.small())
    roster = school.small()
    del roster.rows["enrollments"][0]
    school.bring_in(roster)
    assert school.class_room("c1")["teacherId"] == school.person("tea@school.example")["_id"]


def test_names_are_told_apart_by_code_term_and_id(school):
    roster = school.small().add("academicSessions", id="t1", title="Autumn")
    roster.class_("c2", "ALGEBRA", classCode="A-2").class_("c3", "algebra", termSourcedIds="t1")
    roster.class_("c4", "Algebra").class_("c5", "Algebra", classCode="A-2", termSourcedIds="t1")
    for key in ("c2", "c3", "c4", "c5"):
        roster.enrol("tea", key, "teacher")
    school.bring_in(roster)
    assert {key: school.class_room(key)["className"] for key in ("c2", "c3", "c4", "c5")} == {
        "c2": "ALGEBRA (A-2)",
        "c3": "algebra (Autumn)",
        "c4": "Algebra (c4)",
        "c5": "Algebra (A-2, Autumn)",
    }
    before = school.everything()
    school.bring_in(roster)
    assert school.everything() == before


def test_distinguishing_name_stays_when_the_other_class_is_gone(school):
    roster = school.small().add("academicSessions", id="t1", title="Autumn")
    roster.class_("c2", "Algebra", termSourcedIds="t1").enrol("tea", "c2", "teacher")
    school.bring_in(roster)
    school.db["classes"].delete_one({"sourcedId": "c1"})

    delta = school.set().class_("c2", "Algebra", status="active", termSourcedIds="t1")
    delta.modes["classes"] = "delta"
    school.bring_in(delta)
    assert school.class_room("c2")["className"] == "Algebra (Autumn)"

    renamed = school.set().class_("c2", "Geometry", status="active", termSourcedIds="t1")
    renamed.modes["classes"] = "delta"
    school.bring_in(renamed)
    assert school.class_room("c2")["className"] == "Geometry"


async def test_a_teachers_own_class_keeps_its_name_and_is_left_alone(school, serve):
    import asyncio

    server = await serve()
    teacher = await server.person("teacher")
    own = await class_room(server, teacher, [], name="algebra")
    roster = school.small()
    roster.rows["users"][0]["email"] = teacher.email
    await asyncio.to_thread(school.bring_in, roster, "--take-over")
    names = {c["className"]: c.get("sourcedId") for c in school.db["classes"].find()}
    assert names == {"algebra": None, "Algebra (c1)": "c1"}
    assert own["_id"] in {str(c["_id"]) for c in school.db["classes"].find()}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("PE", "PE (P-1)"),
        ("x" * 101, "x" * 99 + "…"),
        ("$teacherId", "$teacherId"),
        ("Línea\n  nueva", "Línea nueva"),
        ("", "P-1"),
    ],
)
def test_any_title_becomes_a_name_of_3_to_100_characters(school, title, expected):
    roster = school.set().user("tea", "teacher").class_("c1", title, classCode="P-1")
    school.bring_in(roster.enrol("tea", "c1", "teacher"))
    assert school.names() == {expected}


def test_the_courses_title_serves_a_class_that_has_none(school):
    roster = school.set().user("tea", "teacher").add("courses", id="k", title="Physics")
    roster.class_("c1", "", courseSourcedId="k").class_("c2", "")
    roster.enrol("tea", "c1", "teacher").enrol("tea", "c2", "teacher")
    result = school.bring_in(roster, status=3)
    assert "classes.csv, line 3: title is empty" in result.stderr
    assert school.names() == {"Physics"}


@pytest.mark.parametrize("two", ["サクラ組", "さくら\ufe0f組", "さくら 組"])
def test_names_that_the_api_takes_for_two_are_two(school, two):
    roster = school.set().user("tea", "teacher").class_("c1", "さくら組").class_("c2", two)
    school.bring_in(roster.enrol("tea", "c1", "teacher").enrol("tea", "c2", "teacher"))
    assert school.names() == {"さくら組", two}


def test_names_that_swap_end_up_different(school):
    roster = school.set().user("tea", "teacher").class_("c1", "One").class_("c2", "Two")
    roster.enrol("tea", "c1", "teacher").enrol("tea", "c2", "teacher")
    school.bring_in(roster)
    roster.rows["classes"][0]["title"], roster.rows["classes"][1]["title"] = "Two", "ONE"
    school.bring_in(roster)
    assert len(school.names()) == 2
    before = school.everything()
    school.bring_in(roster)
    assert school.everything() == before


def test_candidates_all_fit_and_differ():
    names = list(candidates("T" * 300, "C" * 300, ["X" * 300], "s" * 255))
    assert all(MIN_NAME <= len(name) <= MAX_NAME for name in names)
    assert len({name_key(name) for name in names}) >= 20
    assert next(candidates("PE", "", [], "1")) == "PE (1)"
