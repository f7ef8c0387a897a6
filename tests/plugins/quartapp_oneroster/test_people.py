from __future__ import annotations

import pytest


def test_people_become_accounts_without_a_password(school):
    school.bring_in(school.small())

    ann = school.person("ann@school.example")
    assert ann["name"] == "ann person"
    assert ann["displayName"] == "Ann Person"
    assert ann["role"] == "student"
    assert ann["sourcedId"] == "ann"
    assert "password" not in ann
    assert ann["createdAt"] <= ann["updatedAt"]
    assert school.person("tea@school.example")["role"] == "teacher"


async def test_nobody_signs_in_until_a_password_is_set(school, serve):
    import asyncio

    await asyncio.to_thread(school.bring_in, school.small())
    server = await serve()
    credentials = {"email": "ann@school.example", "password": "a new password"}

    answer = await server.api.post("/auth/login", json=credentials)
    assert answer.status_code == 400
    assert answer.json()["error"] == "Invalid email or password"

    command = ("user", "set-password", "ANN@school.example", "--stdin")
    result = await asyncio.to_thread(school.run, *command, stdin="a new password\n")
    assert result.exit_code == 0, result.output
    answer = await server.api.post("/auth/login", json=credentials)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("email", "stdin", "message"),
    [
        ("nobody@school.example", "long enough\n", "there is no account with the address"),
        ("ann@school.example", "short\n", "a password has 6 characters or more"),
        ("ann@school.example", "ü" * 37 + "\n", "at most 72 bytes of UTF-8"),
        ("ann@school.example", "", "a password has 6 characters or more"),
    ],
)
def test_set_password_explains_its_refusal(school, email, stdin, message):
    school.bring_in(school.small())
    result = school.run("user", "set-password", email, "--stdin", stdin=stdin)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "password" not in school.person("ann@school.example")


def test_set_password_asks_twice(school):
    school.bring_in(school.small())
    command = ("user", "set-password", "ann@school.example")
    result = school.run(*command, stdin="first try\nanother\nsecond try\nsecond try\n")
    assert result.exit_code == 0, result.output
    assert "second try" not in result.output
    assert school.person("ann@school.example")["password"].startswith("$2b$")


def test_other_roles_are_skipped_and_counted(school):
    roster = (
        school.small().user("mum", "parent").user("dad", "Guardian").user("boss", "administrator")
    )
    roster.user("x1", "ext:caretaker").enrol("boss", "c1", "administrator").enrol("mum", "c1")
    result = school.bring_in(roster)
    assert school.emails() == {f"{key}@school.example" for key in ("tea", "ann", "bob")}
    assert "users.csv: 1 rows skipped, role parent" in result.stdout
    assert "users.csv: 1 rows skipped, role administrator" in result.stdout
    assert "enrollments.csv: 1 rows skipped, of people with other roles" in result.stdout
    assert school.roll("c1") == ["ann", "bob"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"email": "ann at school"}, "email 'ann at school' is not a valid address"),
        ({"givenName": "", "familyName": ""}, "givenName and familyName are empty"),
        ({"givenName": "A" * 100}, "the name has more than 100 characters"),
        ({"role": "instructor"}, "role 'instructor' is none of OneRoster's"),
        ({"role": ""}, "role is empty"),
        ({"enabledUser": "maybe"}, "enabledUser is 'maybe', not true or false"),
        ({"status": "deleted"}, "status is 'deleted', not active or tobedeleted"),
        ({"id": ""}, "sourcedId is empty"),
        ({"id": "x" * 256}, "sourcedId has more than 255 characters"),
        ({"id": "tea"}, "sourcedId is that of line 2 already"),
    ],
)
def test_a_bad_row_is_rejected_with_its_line_and_the_rest_imported(school, change, reason):
    roster = school.set().user("tea", "teacher").user("ann", **change).user("bob")
    result = school.bring_in(roster, status=3)
    assert f"users.csv, line 3: {reason}" in result.stderr
    assert school.emails() == {"tea@school.example", "bob@school.example"}


def test_username_serves_where_it_is_an_address(school):
    school.bring_in(school.set().user("ann", email="", username="Ann@Home.example"))
    assert school.emails() == {"ann@home.example"}


def test_account_that_an_administrator_has_made_is_linked_and_keeps_its_password(school):
    email = "ann@home.example"
    command = ("user", "create", email, "--name", "Ann Local", "--role", "student")
    made = school.run(*command, "--password-stdin", stdin="long enough\n")
    assert made.exit_code == 0, made.output
    roster = school.set().user("ann", email=email.upper())
    before = school.person(email)
    result = school.bring_in(roster, "--dry-run")
    told = f"~ student {email}: an account of this address is here; it keeps its password"
    assert told in result.stdout
    school.bring_in(roster)
    after = school.person(email)
    assert after["_id"] == before["_id"]
    assert after["password"] == before["password"]
    assert after["sourcedId"] == "ann"
    assert after["displayName"] == "Ann Person"


def test_a_role_does_not_change(school):
    school.bring_in(school.small())
    roster = school.small()
    roster.rows["users"][1]["role"] = "teacher"
    result = school.bring_in(roster, status=3)
    assert "ann@school.example is a student here and a teacher in the set" in result.stderr
    assert school.account("ann")["role"] == "student"


def test_names_and_addresses_follow_the_set(school):
    school.bring_in(school.small())
    before = school.person("ann@school.example")
    roster = school.small()
    roster.rows["users"][1] |= {"familyName": "Wed", "email": "ann.wed@school.example"}
    result = school.bring_in(roster, "--dry-run")
    assert (
        "~ student ann.wed@school.example: address ann@school.example → ann.wed@school.example; "
        "name Ann Person → Ann Wed"
    ) in result.stdout
    school.bring_in(roster)
    after = school.person("ann.wed@school.example")
    assert after["_id"] == before["_id"]
    assert after["name"] == "ann wed"
    assert school.roll("c1") == ["ann.wed", "bob"]


def test_new_sourced_ids_for_everybody_are_the_same_people(school):
    school.bring_in(school.small())
    before = {p["email"]: p["_id"] for p in school.db["users"].find()}
    roster = school.set()
    roster.user("T9", "teacher", email="tea@school.example")
    roster.user("A9", email="ann@school.example").user("B9", email="bob@school.example")
    roster.class_("c1", "Algebra").enrol("T9", "c1", "teacher").enrol("A9", "c1").enrol("B9", "c1")
    school.bring_in(roster)
    assert {p["email"]: p["_id"] for p in school.db["users"].find()} == before
    assert school.person("ann@school.example")["sourcedId"] == "A9"
    assert school.roll("c1") == ["ann", "bob"]


async def test_enabled_user_false_stays_on_the_roll_and_cannot_sign_in(school, serve):
    import asyncio

    await asyncio.to_thread(school.bring_in, school.small())
    command = ("user", "set-password", "ann@school.example", "--stdin")
    await asyncio.to_thread(school.run, *command, stdin="long enough\n")
    server = await serve()
    credentials = {"email": "ann@school.example", "password": "long enough"}
    assert (await server.api.post("/auth/login", json=credentials)).status_code == 200

    roster = school.small()
    roster.rows["users"][1]["enabledUser"] = "false"
    await asyncio.to_thread(school.bring_in, roster)
    answer = await server.api.post("/auth/login", json=credentials)
    assert (answer.status_code, answer.json()["error"]) == (400, "Invalid email or password")
    assert await asyncio.to_thread(school.roll, "c1") == ["ann", "bob"]

    await asyncio.to_thread(school.bring_in, school.small())
    assert (await server.api.post("/auth/login", json=credentials)).status_code == 200


class TestVersion12:
    def roster(self, school, *roles):
        roster = school.set(version="1.2").user("ann", primaryOrgSourcedId="east")
        for number, role in enumerate(roles):
            given = {"roleType": "primary", "orgSourcedId": "east", "userSourcedId": "ann"}
            roster.add("roles", **{"id": f"r{number}", **given, **role})
        return roster

    @pytest.mark.parametrize(
        ("roles", "expected"),
        [
            ([{"role": "student"}], "student"),
            ([{"role": "student", "roleType": "secondary"}, {"role": "teacher"}], "teacher"),
            ([{"role": "teacher", "roleType": "secondary"}, {"role": "student"}], "student"),
            ([{"role": "principal"}, {"role": "teacher", "roleType": "secondary"}], "teacher"),
            ([{"role": "teacher", "orgSourcedId": "west"}, {"role": "student"}], "student"),
            ([{"role": "teacher", "endDate": "2020-01-01"}, {"role": "student"}], "student"),
            ([{"role": "teacher", "status": "tobedeleted"}, {"role": "student"}], "student"),
        ],
    )
    def test_the_primary_role_counts(self, school, roles, expected):
        school.bring_in(self.roster(school, *roles))
        assert school.person("ann@school.example")["role"] == expected

    def test_person_with_another_role_is_skipped(self, school):
        result = school.bring_in(self.roster(school, {"role": "siteAdministrator"}))
        assert "users.csv: 1 rows skipped, role siteadministrator" in result.stdout
        assert school.emails() == set()

    def test_person_without_a_role_is_rejected(self, school):
        roster = self.roster(school, {"role": "student", "userSourcedId": "somebody else"})
        result = school.bring_in(roster, status=2)
        assert "users.csv, line 2: roles.csv has no role in force" in result.stderr

    def test_preferred_names_are_what_people_read(self, school):
        roster = self.roster(school, {"role": "student"})
        roster.rows["users"][0] |= {"preferredGivenName": "Annie", "preferredFamilyName": ""}
        school.bring_in(roster)
        assert school.person("ann@school.example")["displayName"] == "Annie Person"
