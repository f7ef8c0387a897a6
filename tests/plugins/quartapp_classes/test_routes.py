"""Classes and their rolls."""

from __future__ import annotations

import asyncio

import pytest

from quartapp_classes.testing import class_room


def refused(answer):
    return answer.status_code, answer.json()["error"]


async def post(server, person, path, **body):
    return await server.api.post(path, json=body, headers=person.headers)


async def test_racing_creations_of_one_class_name_make_one_class(server):
    teacher = await server.person("teacher")
    names = ["Algebra", "ALGEBRA", " algebra "] * 4
    answers = await asyncio.gather(
        *(post(server, teacher, "/class/create-class", className=name) for name in names)
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert {a.json().get("error") for a in answers} == {None, "class already exist"}
    other = await server.person("teacher")
    assert (await post(server, other, "/class", className="Algebra")).status_code == 201


@pytest.mark.parametrize("name", ["", "ab", "  ab  ", "x" * 101, 5, None, ["abc"]])
async def test_a_name_that_does_not_fit_is_400(server, name):
    teacher = await server.person("teacher")
    for path in ("/class", "/class/create-class"):
        answer = await post(server, teacher, path, className=name)
        assert refused(answer) == (400, "Invalid request schema")


async def test_a_student_added_at_once_is_added_once(server):
    teacher, student = await server.person("teacher"), await server.person("student")
    room = await class_room(server, teacher)
    path = f"/class/{room['_id']}/add-student"
    answers = await asyncio.gather(
        *(post(server, teacher, path, studentId=student.id) for _ in range(8))
    )
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [201] + [409] * 7
    added = answers[statuses.index(201)].json()
    assert added.keys() == {"success", "ExistingClass"}
    assert added["ExistingClass"]["studentsIds"] == [student.id]
    assert answers[statuses.index(409)].json()["error"] == "student already exist in class"


async def test_only_existing_students_are_added(server):
    teacher, student = await server.person("teacher"), await server.person("student")
    room = await class_room(server, teacher)
    path = f"/class/{room['_id']}/add-student"
    for body in ({}, {"studentId": "x"}, {"studentId": 5}):
        assert refused(await post(server, teacher, path, **body)) == (400, "Invalid request schema")
    for who in ("0" * 24, teacher.id):
        answer = await post(server, teacher, path, studentId=who)
        assert refused(answer) == (404, "Student not found")
    for class_id in ("no-id", "0" * 24):
        answer = await post(server, teacher, f"/class/{class_id}/add-student", studentId=student.id)
        assert refused(answer) == (404, "Class not found")
    other = await server.person("teacher")
    answer = await post(server, other, path, studentId=student.id)
    assert refused(answer) == (403, "Forbidden, not class teacher")


async def test_the_details_of_a_class_are_for_its_people(server):
    teacher = await server.person("teacher")
    students = await server.people("student", 2)
    room = await class_room(server, teacher, students)
    path = f"/class/{room['_id']}"
    expected = {
        "_id": room["_id"],
        "className": room["className"],
        "createdAt": room["createdAt"],
        "updatedAt": room["updatedAt"],
        "teacherId": {"name": teacher.name, "email": teacher.email},
        "studentsIds": [{"name": s.name, "email": s.email} for s in students],
    }
    for person in (teacher, students[0]):
        answer = await server.api.get(path, headers=person.headers)
        assert answer.json() == {"success": True, "data": [expected]}
    stranger, other = await server.person("student"), await server.person("teacher")
    answer = await server.api.get(path, headers=stranger.headers)
    message = "you are not enrolled in the class"
    assert answer.status_code == 404
    body = answer.json()
    assert (body["error"], body["message"], body["code"]) == (message, message, "not-enrolled")
    answer = await server.api.get(path, headers=other.headers)
    assert refused(answer) == (403, "Forbidden, not class teacher")
    answer = await server.api.get("/class/nothing", headers=teacher.headers)
    assert refused(answer) == (404, "Class not found")


async def test_classes_are_listed_newest_first_to_their_people(server):
    teacher, student = await server.person("teacher"), await server.person("student")
    assert (await server.api.get("/class", headers=teacher.headers)).json()["data"] == []
    rooms = [await class_room(server, teacher, [student] if n else []) for n in range(3)]
    answer = await server.api.get("/class", headers=teacher.headers)
    assert answer.json()["data"] == rooms[::-1]
    answer = await server.api.get("/class", headers=student.headers)
    assert answer.json()["data"] == rooms[:0:-1]


async def test_a_class_gets_another_name(server):
    teacher, other = await server.person("teacher"), await server.person("teacher")
    room = await class_room(server, teacher, name="Algebra")
    await class_room(server, teacher, name="Botany")

    async def rename(person, name, class_id=room["_id"]):
        return await server.api.patch(
            f"/class/{class_id}", json={"className": name}, headers=person.headers
        )

    assert (await rename(teacher, " ALGEBRA II ")).json()["data"]["className"] == "ALGEBRA II"
    assert (await rename(teacher, "algebra ii")).status_code == 200, "its own name, in other case"
    assert refused(await rename(teacher, "botany")) == (409, "class already exist")
    assert refused(await rename(teacher, "x")) == (400, "Invalid request schema")
    assert refused(await rename(other, "Zoology")) == (403, "Forbidden, not class teacher")
    assert refused(await rename(teacher, "Zoology", "0" * 24)) == (404, "Class not found")


async def test_a_class_without_records_is_deleted(server):
    teacher, other = await server.person("teacher"), await server.person("teacher")
    room = await class_room(server, teacher)
    path = f"/class/{room['_id']}"
    answer = await server.api.delete(path, headers=other.headers)
    assert refused(answer) == (403, "Forbidden, not class teacher")
    answer = await server.api.delete(path, headers=teacher.headers)
    assert answer.json() == {"success": True, "data": room}
    answer = await server.api.delete(path, headers=teacher.headers)
    assert refused(answer) == (404, "Class not found")


async def test_a_class_with_a_session_or_records_stays_unless_asked_otherwise(server, lesson, mark):
    maths, physics = await lesson(server), await lesson(server)
    await physics.start()
    physics_teacher = await server.socket(physics.teacher)
    await physics_teacher.ask("DONE")
    await maths.start()
    teacher = await server.socket(maths.teacher)
    path = f"/class/{maths.class_id}"
    for query in ("", "?records=delete"):
        answer = await server.api.delete(path + query, headers=maths.teacher.headers)
        assert refused(answer) == (409, "attendance session is active")
    await teacher.ask("ATTENDANCE_MARKED", mark(maths.students[0]))
    await teacher.ask("DONE")
    answer = await server.api.delete(path, headers=maths.teacher.headers)
    assert refused(answer) == (409, "class has attendance records")
    answer = await server.api.delete(path + "?records=keep", headers=maths.teacher.headers)
    assert refused(answer) == (400, "Invalid request schema")
    assert await server.documents["attendance"].count_documents({}) == 4
    answer = await server.api.delete(path + "?records=delete", headers=maths.teacher.headers)
    assert answer.status_code == 200
    assert await server.documents["attendance"].count_documents({}) == 2
    assert await physics.records() == ["absent", "absent"]


async def test_a_student_leaves_the_roll_and_records_stay(server, lesson, mark):
    maths = await lesson(server)
    gone, stays = maths.students
    await maths.start()
    teacher = await server.socket(maths.teacher)
    await teacher.ask("ATTENDANCE_MARKED", mark(gone))
    await teacher.ask("DONE")
    path = f"/class/{maths.class_id}/students/{gone.id}"
    answer = await server.api.delete(path, headers=maths.teacher.headers)
    assert answer.json()["data"]["studentsIds"] == [stays.id]
    answer = await server.api.delete(path, headers=maths.teacher.headers)
    assert refused(answer) == (404, "Student not found")
    answer = await server.api.delete(
        f"/class/{maths.class_id}/students/no-id", headers=maths.teacher.headers
    )
    assert refused(answer) == (404, "Student not found")
    assert await server.documents["attendance"].count_documents({}) == 2
    other = await server.person("teacher")
    answer = await server.api.delete(path, headers=other.headers)
    assert refused(answer) == (403, "Forbidden, not class teacher")


async def test_students_are_listed_found_and_paged(server):
    teacher = await server.person("teacher")

    async def listed(query=""):
        return await server.api.get(f"/class/students{query}", headers=teacher.headers)

    assert refused(await listed()) == (404, "No students found")
    names = ["Ada Lovelace", "Adam Ries", "Blaise Pascal", "Émilie du Châtelet"]
    people = [await server.person("student", name=name) for name in names]
    everybody = [{"_id": p.id, "name": p.name, "email": p.email, "role": "student"} for p in people]
    assert (await listed()).json()["data"] == everybody
    assert (await listed("?search=ADA")).json()["data"] == everybody[:2]
    assert (await listed("?search=émilie")).json()["data"] == everybody[3:]
    email = people[2].email
    assert (await listed(f"?search={email[:20]}")).json()["data"] == everybody[2:3]
    assert (await listed("?search=lovelace")).json()["data"] == everybody[:1]
    assert refused(await listed("?search=elace")) == (404, "No students found")
    assert refused(await listed("?search=.*")) == (404, "No students found")
    assert (await listed("?limit=3")).json()["data"] == everybody[:3]
    assert (await listed(f"?limit=3&after={people[2].id}")).json()["data"] == everybody[3:]
    for query in ("?limit=0", "?limit=501", "?limit=x", "?after=x", "?search="):
        assert refused(await listed(query)) == (400, "Invalid request schema"), query
