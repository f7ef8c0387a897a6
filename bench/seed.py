"""Writes of a class and its people to a database, and tokens for them.

Registering and signing in takes a tenth of a second of bcrypt for each person, which the benchmarks
do not measure. quartapp and the peer store users and classes in the same form.
"""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import bcrypt
import jwt
import pymongo
from bson import ObjectId

from bench.client import Api, Person, RollCall
from quartapp_auth.accounts.search import name_keys
from quartapp_auth.signing_in.passwords import COST

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN_SECONDS = 24 * 60 * 60
STUDENTS_PER_WRITE = 5000


class Seeder:
    """Makes classes for one server.

    Args:
        uri: URI of MongoDB.
        database: Name of the server's database.
        jwt_secret: Secret with which the server signs tokens.

    Attributes:
        uri: URI of MongoDB.
        database: Name of the server's database.
    """

    def __init__(self, uri: str, database: str, jwt_secret: str) -> None:
        self.uri = uri
        self.database = database
        self._secret = jwt_secret

    def roll_call(self, api: Api, students: int) -> RollCall:
        """Create a class of new people, and start its session through the API.

        Args:
            api: Routes of the server.
            students: Number of students on the roll.
        """
        now = datetime.now(UTC)
        stamps = {"createdAt": now, "updatedAt": now}
        users = [_user("teacher", stamps)] + [_user("student", stamps) for _ in range(students)]
        teacher, *on_roll = map(self._person, users)
        room = {
            "_id": ObjectId(),
            "className": f"Bench {secrets.token_hex(4)}",
            "teacherId": users[0]["_id"],
            "studentsIds": [user["_id"] for user in users[1:]],
            "rollVersion": 0,
            **stamps,
        }
        client: pymongo.MongoClient[dict[str, Any]]  # Any: documents of several kinds
        with pymongo.MongoClient(self.uri) as client:
            database = client[self.database]
            database.users.insert_many(users)
            database.classes.insert_one(room)
        class_id = str(room["_id"])
        api.call("POST", "/attendance/start", teacher.token, classId=class_id)
        return RollCall(class_id, teacher, on_roll)

    def people(self, count: int, name: Callable[[int], str]) -> Person:
        """Create students, and return a teacher.

        Args:
            count: Number of students.
            name: Function that returns the name of each student, by number.
        """
        now = datetime.now(UTC)
        stamps = {"createdAt": now, "updatedAt": now}
        teacher = _user("teacher", stamps)
        client: pymongo.MongoClient[dict[str, Any]]  # Any: documents of several kinds
        with pymongo.MongoClient(self.uri) as client:
            users = client[self.database].users
            users.insert_one(teacher)
            for first in range(0, count, STUDENTS_PER_WRITE):
                numbers = range(first, min(first + STUDENTS_PER_WRITE, count))
                users.insert_many([_named(name(number), stamps) for number in numbers])
        return self._person(teacher)

    def administrator(self) -> Person:
        """Create an administrator."""
        now = datetime.now(UTC)
        user = _user("admin", {"createdAt": now, "updatedAt": now})
        client: pymongo.MongoClient[dict[str, Any]]  # Any: documents of several kinds
        with pymongo.MongoClient(self.uri) as client:
            client[self.database].users.insert_one(user)
        return self._person(user)

    def accounts(self, count: int, password: str) -> list[str]:
        """Create students who can sign in, and return their addresses.

        Args:
            count: Number of students.
            password: Password of all, whose hash is made once.
        """
        now = datetime.now(UTC)
        stamps = {"createdAt": now, "updatedAt": now}
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(COST)).decode()
        users = [{**_user("student", stamps), "password": hashed} for _ in range(count)]
        client: pymongo.MongoClient[dict[str, Any]]  # Any: documents of several kinds
        with pymongo.MongoClient(self.uri) as client:
            client[self.database].users.insert_many(users)
        return [user["email"] for user in users]

    def _person(self, user: dict[str, Any]) -> Person:
        now = int(time.time())
        claims = {
            "id": str(user["_id"]),
            "role": user["role"],
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }
        token = jwt.encode(claims, self._secret, algorithm="HS256")
        return Person(claims["id"], user["email"], token)


def _named(name: str, stamps: dict[str, datetime]) -> dict[str, Any]:
    names = {"name": name.lower(), "displayName": name, "nameKeys": name_keys(name)}
    return {**_user("student", stamps), **names}


def _user(role: str, stamps: dict[str, datetime]) -> dict[str, Any]:
    return {
        "_id": ObjectId(),
        "name": "bench",
        "displayName": "Bench",
        "email": f"{secrets.token_hex(8)}@bench.example.org",
        "password": "!",  # matches no password
        "role": role,
        **stamps,
    }
