"""Writes of a class and its people to a database, and tokens for them.

Registering and signing in takes a tenth of a second of bcrypt for each person, which the benchmarks
do not measure. quartapp and the peer store users and classes in the same form.
"""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import Any

import jwt
import pymongo
from bson import ObjectId

from bench.client import Api, Person, RollCall

TOKEN_SECONDS = 24 * 60 * 60


class Seeder:
    """Makes classes for one server.

    Args:
        uri: URI of MongoDB.
        database: Name of the server's database.
        jwt_secret: Secret with which the server signs tokens.
    """

    def __init__(self, uri: str, database: str, jwt_secret: str) -> None:
        self._uri = uri
        self._database = database
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
        with pymongo.MongoClient(self._uri) as client:
            database = client[self._database]
            database.users.insert_many(users)
            database.classes.insert_one(room)
        class_id = str(room["_id"])
        api.call("POST", "/attendance/start", teacher.token, classId=class_id)
        return RollCall(class_id, teacher, on_roll)

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
