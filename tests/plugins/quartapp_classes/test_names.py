"""The names of a teacher's classes: which are the same, and what becomes of those of before."""

from __future__ import annotations

import unicodedata

import pytest
from bson import ObjectId
from pymongo.errors import BulkWriteError

from quartapp import core
from quartapp_classes.names import give_keys
from quartapp_classes.testing import class_room

EARLIER = {"locale": "en", "strength": 2}


async def post(server, person, path, **body):
    return await server.api.post(path, json=body, headers=person.headers)


async def test_scripts_are_two_names_and_forms_are_one(server):
    teacher = await server.person("teacher")
    for name in ("さくら組", "サクラ組", "José 1", "Jose 1"):
        assert (await post(server, teacher, "/class", className=name)).status_code == 201
    for name in ("ｻｸﾗ組", unicodedata.normalize("NFD", "JOSÉ 1")):
        answer = await post(server, teacher, "/class", className=name)
        assert (answer.status_code, answer.json()["error"]) == (409, "class already exist")


async def test_session_is_started_by_each_form_of_the_name(server):
    teacher = await server.person("teacher")
    room = await class_room(server, teacher, name="José 1")
    for name in ("JOSÉ 1", unicodedata.normalize("NFD", "josé 1")):
        answer = await post(server, teacher, "/attendance/start", className=name)
        assert answer.json()["data"]["_id"] == room["_id"]


async def test_renamed_class_leaves_its_name_to_others(server):
    teacher = await server.person("teacher")
    room = await class_room(server, teacher, name="さくら組")
    path = f"/class/{room['_id']}"
    renamed = await server.api.patch(path, json={"className": "梅組 一"}, headers=teacher.headers)
    assert renamed.status_code == 200
    assert (await post(server, teacher, "/class", className="さくら組")).status_code == 201
    assert (await post(server, teacher, "/class", className="梅組 一")).status_code == 409


@pytest.fixture
async def earlier(server):
    """Provide the server and a function that stores classes as earlier versions did."""
    database = core(server.app).database
    classes = database.documents["classes"]
    await classes.drop_index("teacherId_1_nameKey_1")
    await classes.create_index([("teacherId", 1), ("className", 1)], unique=True, collation=EARLIER)
    teacher = await server.person("teacher")

    async def add(*names):
        rooms = [
            {
                "_id": ObjectId(),
                "className": name,
                "teacherId": ObjectId(teacher.id),
                "studentsIds": [],
            }
            for name in names
        ]
        await classes.insert_many(rooms)
        return [room["_id"] for room in rooms]

    return server, teacher, add


async def test_migration_drops_the_rules_of_before(earlier):
    server, teacher, add = earlier
    database = core(server.app).database
    await add("さくら組")
    with pytest.raises(BulkWriteError):
        await add("サクラ組")
    await give_keys(database)
    await add("サクラ組")
    answer = await post(server, teacher, "/attendance/start", className="さくら組")
    assert answer.json()["data"]["className"] == "さくら組"


async def test_migration_keeps_classes_that_now_have_one_name(earlier):
    server, teacher, add = earlier
    database = core(server.app).database
    classes = database.documents["classes"]
    await classes.drop_index("teacherId_1_className_1")
    first, second, third, other = await add("Maths", "MATHS", "maths", "Music")
    for _ in range(2):
        await give_keys(database)
        found = {one["_id"]: one async for one in classes.find()}
        assert [found[key]["className"] for key in (first, second, third, other)] == [
            *("Maths", "MATHS", "maths", "Music")
        ]
        assert [found[first]["nameKey"], found[other]["nameKey"]] == ["maths", "music"]
        assert len({room["nameKey"] for room in found.values()}) == 4
    await classes.create_index([("teacherId", 1), ("nameKey", 1)], unique=True)
    answer = await post(server, teacher, "/attendance/start", className="mATHS")
    assert answer.json()["data"]["_id"] == str(first)
    by_id = await post(server, teacher, "/attendance/start", classId=str(third))
    assert by_id.json()["data"]["className"] == "maths"


async def test_late_repetition_of_the_migration_ends(server):
    database = core(server.app).database
    teacher = await server.person("teacher")
    room = await class_room(server, teacher, name="Maths")
    late = {"className": "MATHS", "teacherId": ObjectId(teacher.id), "studentsIds": []}
    await database.documents["classes"].insert_one(late)
    await give_keys(database)
    answer = await post(server, teacher, "/attendance/start", className="maths")
    assert answer.json()["data"]["_id"] == room["_id"]
