"""What imported people sign in with: their address, a username, or what siblings share."""

from __future__ import annotations

import asyncio

import pytest

PARENT = "parent@home.example"


def signs_in(account):
    """Return what an account signs in with, and its address for mail."""
    return account.get("email"), account.get("username"), account.get("contactEmail")


def again(school, roster):
    """Import once more, which must change nothing."""
    before = school.everything()
    school.bring_in(roster)
    assert school.everything() == before


async def test_pupils_without_addresses_sign_in_with_their_usernames(school, serve):
    roster = school.set().user("tea", "teacher").class_("c1", "Algebra")
    roster.enrol("tea", "c1", "teacher")
    for name in ("ann", "bob"):
        roster.user(name, email="", username=f"{name.title()}.26").enrol(name, "c1")
    result = await asyncio.to_thread(school.bring_in, roster)
    assert "2 accounts to add have no address of their own" in result.stdout
    assert await asyncio.to_thread(school.roll, "c1") == ["Ann.26", "Bob.26"]
    command = ("user", "set-password", "ANN.26", "--password-stdin")
    result = await asyncio.to_thread(school.run, *command, stdin="long enough\n")
    assert result.exit_code == 0, result.output
    server = await serve()
    body = {"username": "ann.26", "password": "long enough"}
    assert (await server.api.post("/auth/login", json=body)).status_code == 200
    await asyncio.to_thread(again, school, roster)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"email": "", "username": "ann"}, (None, "ann", None)),
        ({"email": "", "username": ""}, (None, "s-1", None)),
        ({"email": "", "username": "u" * 101}, (None, "s-1", None)),
        ({"email": "", "username": "TEACHER"}, (None, "s-1", None)),
        ({"email": "", "username": "Ann@Home.example"}, ("ann@home.example", None, None)),
        ({"email": "a@b.example", "username": "ann"}, ("a@b.example", "ann", None)),
        ({"email": "a@b.example", "username": "x@y.example"}, ("a@b.example", None, None)),
        ({"email": "a@b.example", "username": "teacher"}, ("a@b.example", None, None)),
        ({"email": "tea@school.example", "username": "a"}, (None, "a", "tea@school.example")),
    ],
    ids=str,
)
def test_every_person_can_sign_in(school, values, expected):
    roster = school.set().user("tea", "teacher", username="teacher").user("s-1", **values)
    school.bring_in(roster)
    assert signs_in(school.account("s-1")) == expected
    again(school, roster)


@pytest.mark.parametrize("sourced_id", ["a@b", "x" * 255, "@", "\uff20", "ann"])
def test_any_sourced_id_can_stand_in_for_a_username(school, sourced_id):
    people = school.set().user("x1", email="", username="ann", givenName="Ann")
    roster = people.user(sourced_id, email="", givenName="Bob")
    school.bring_in(roster)
    (name,) = {p["username"] for p in school.db["users"].find()} - {"ann"}
    assert 1 <= len(name) <= 100
    again(school, roster)


def test_siblings_share_an_address_and_no_row_is_rejected(school):
    roster = school.small()
    for number in (1, 2):
        roster.rows["users"][number] |= {"email": PARENT, "username": f"pupil{number}"}
    school.bring_in(roster)
    assert signs_in(school.account("ann")) == (PARENT, "pupil1", None)
    assert signs_in(school.account("bob")) == (None, "pupil2", PARENT)
    assert school.roll("c1") == ["parent", "pupil2"]
    again(school, roster)
    roster.rows["users"][1:] = roster.rows["users"][:0:-1]
    school.bring_in(roster)
    assert signs_in(school.account("ann")) == (PARENT, "pupil1", None)
    assert signs_in(school.account("bob")) == (None, "pupil2", PARENT)


def test_sibling_who_comes_later_takes_no_address(school):
    school.bring_in(school.small())
    roster = school.small()
    roster.rows["users"][1] |= {"email": "bob@school.example", "username": "ann"}
    roster.user("cid", email="bob@school.example")
    school.bring_in(roster)
    assert signs_in(school.account("ann")) == ("ann@school.example", "ann", "bob@school.example")
    assert signs_in(school.account("bob")) == ("bob@school.example", None, None)
    assert signs_in(school.account("cid")) == (None, "cid", "bob@school.example")
    again(school, roster)


def test_teacher_keeps_the_address_that_their_child_has_too(school):
    roster = school.set().user("kid", email="tea@school.example", username="kid")
    roster.user("tea", "teacher")
    school.bring_in(roster)
    assert signs_in(school.account("tea")) == ("tea@school.example", None, None)
    assert signs_in(school.account("kid")) == (None, "kid", "tea@school.example")
    again(school, roster)


async def test_student_with_the_address_of_a_teacher_made_here_is_another_person(school, serve):
    server = await serve()
    person = await server.person("teacher")
    roster = school.set().user("kid", email=person.email, username="kid")
    await asyncio.to_thread(school.bring_in, roster)
    account = await asyncio.to_thread(school.account, "kid")
    assert signs_in(account) == (None, "kid", person.email)
    found = await asyncio.to_thread(school.person, person.email)
    assert (found["role"], "sourcedId" in found) == ("teacher", False)


def two_schools(school):
    """One teacher with two sourcedIds, and a class and a pupil at each of two schools."""
    roster = school.set().user("east", "teacher", email="tea@school.example")
    roster.user("west", "teacher", email="TEA@school.example").user("ann").user("bob")
    for place, pupil in (("east", "ann"), ("west", "bob")):
        roster.class_(f"c-{place}", f"Algebra {place}")
        roster.enrol(place, f"c-{place}", "teacher").enrol(pupil, f"c-{place}")
    return roster


def test_teacher_at_two_schools_has_one_account_and_both_classes(school):
    roster = two_schools(school)
    result = school.bring_in(roster)
    assert "1 with another sourcedId of a teacher" in result.stdout
    tea = school.person("tea@school.example")
    assert (tea["sourcedId"], tea["otherSourcedIds"]) == ("east", ["west"])
    for place, pupil in (("east", "ann"), ("west", "bob")):
        room = school.class_room(f"c-{place}")
        assert room["teacherId"] == tea["_id"]
        assert school.roll(f"c-{place}") == [pupil]
    again(school, roster)


def test_second_school_is_found_later_and_in_changes(school):
    roster = two_schools(school)
    rows = roster.rows["users"]
    second = rows.pop(1)
    school.bring_in(roster, status=3)
    delta = school.set("delta")
    delta.rows = {"users": [{**second, "status": "active"}], "enrollments": []}
    delta.modes = {"users": "delta", "enrollments": "delta"}
    school.bring_in(delta)
    assert school.account("west")["_id"] == school.account("east")["_id"]
    rows.insert(0, second)  # before the row of the first id
    school.bring_in(roster)
    tea = school.person("tea@school.example")
    assert (tea["sourcedId"], tea["otherSourcedIds"]) == ("east", ["west"])
    assert school.class_room("c-west")["teacherId"] == tea["_id"]
    again(school, roster)


@pytest.mark.parametrize("gone", ["east", "west"])
def test_teacher_who_leaves_one_school_goes_on_at_the_other(school, gone):
    school.bring_in(two_schools(school))
    roster = two_schools(school)
    for row in roster.rows["users"]:
        if row["sourcedId"] == gone:
            row["status"] = "tobedeleted"
    roster.rows["enrollments"] = [
        e for e in roster.rows["enrollments"] if gone not in e["sourcedId"]
    ]
    school.bring_in(roster)
    tea = school.person("tea@school.example")
    assert not tea.get("disabled")
    assert {tea["sourcedId"], *tea["otherSourcedIds"]} == {"east", "west"}
    again(school, roster)
    for row in roster.rows["users"][:2]:
        row["status"] = "tobedeleted"
    school.bring_in(roster, "--allow-removals", status=3)
    assert school.person("tea@school.example")["disabled"]


class TestPeopleWhoLeft:
    @pytest.fixture
    def left(self, school):
        """Provide a school that ann has left, and a function that makes a delta set."""
        school.bring_in(school.small())
        roster = school.small()
        roster.rows["users"][1] |= {"status": "tobedeleted", "enabledUser": "false"}
        roster.rows["enrollments"].pop(1)
        school.bring_in(roster)
        assert school.roll("c1") == ["bob"]

        def delta(*files):
            made = school.set("delta")
            made.user("ann", status="active").enrol("ann", "c1", status="active")
            made.rows = {file: made.rows[file] for file in files}
            made.modes = dict.fromkeys(files, "delta")
            return made

        return delta

    def test_enrolment_alone_brings_nobody_back(self, school, left):
        result = school.bring_in(left("enrollments"), status=2)
        assert "line 2: user ann has left, and comes back with a row of users.csv" in result.stderr
        assert school.roll("c1") == ["bob"]

    def test_active_row_brings_a_person_back(self, school, left):
        school.bring_in(left("users"))
        assert not school.account("ann").get("disabled")
        assert school.roll("c1") == ["bob"]
        school.bring_in(left("enrollments"))
        assert school.roll("c1") == ["bob", "ann"]

    def test_active_row_and_enrolment_may_come_together(self, school, left):
        school.bring_in(left("users", "enrollments"))
        assert school.roll("c1") == ["bob", "ann"]

    def test_person_enabled_by_hand_is_not_back(self, school, left):
        assert school.run("user", "enable", "ann@school.example").exit_code == 0
        school.bring_in(left("enrollments"), status=2)
        assert school.roll("c1") == ["bob"]

    def test_person_who_was_disabled_first_leaves_too(self, school):
        roster = school.small()
        roster.rows["users"][1]["enabledUser"] = "false"
        school.bring_in(roster)
        roster.rows["users"][1]["status"] = "tobedeleted"
        roster.rows["enrollments"].pop(1)
        school.bring_in(roster)
        assert school.account("ann")["left"]
        again(school, roster)
