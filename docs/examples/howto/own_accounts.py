"""A plugin in place of ``auth``: a registry of people, with its own fields and password hashes."""

import asyncio
import hashlib
import hmac
import secrets
from typing import ClassVar

from bson import ObjectId
from mongoengine import StringField
from pymongo.errors import DuplicateKeyError
from quart import Blueprint

from quartapp import (
    PUBLIC,
    SIGNED_IN,
    Model,
    Operation,
    Refusal,
    Role,
    core,
    hookimpl,
    utc_now,
)
from quartapp_auth import (
    Contact,
    Credentials,
    EmailTakenError,
    People,
    Registration,
    TokenAnswer,
    User,
    UserAnswer,
    UserNotFoundError,
    WrongPasswordError,
)

blueprint = Blueprint("registry", __name__, url_prefix="/api/v1/auth")


class Entry(Model):
    """Somebody in the registry."""

    mail = StringField(required=True)

    meta: ClassVar = {
        "collection": "registry",
        "strict": False,
        "indexes": [{"fields": ["mail"], "unique": True}],
    }


class Registry:
    """The people of the registry, as classes and rolls ask for them; a People."""

    def __init__(self, database, tokens):
        self._database = database
        self._tokens = tokens

    async def get(self, user_id):
        return user_of(await self._entry({"_id": ObjectId(user_id)}))

    async def contacts(self, user_ids):
        found = await self._entries({"_id": {"$in": list(user_ids)}})
        users = map(user_of, found)
        return {one.id: Contact(one.id, one.name, one.display_name, one.email) for one in users}

    async def students(self, search=None, limit=None, after=None):
        start = (search or "").lower()
        found = await self._entries({
            "kind": "student",
            "_id": {"$gt": ObjectId(after or "0" * 24)},
            "$expr": {"$or": [
                {"$eq": [{"$indexOfCP": [{"$toLower": field}, start]}, 0]}
                for field in ("$called", "$mail")
            ]},
        }, limit or 0)  # fmt: skip
        return [user_of(entry) for entry in found]

    async def add(self, name, email, password, role):
        salt = secrets.token_bytes(16)
        entry = {
            "called": name,
            "mail": email,
            "kind": role,
            "salt": salt,
            "hash": await hashed(password, salt),
            "since": utc_now(),
        }
        async with self._database.operation():
            try:
                await self._database.documents["registry"].insert_one(entry)
            except DuplicateKeyError as error:
                raise EmailTakenError from error
        return user_of(entry)

    async def token(self, email, password):
        entry = await self._entry({"mail": email})
        if not hmac.compare_digest(entry["hash"], await hashed(password, entry["salt"])):
            raise WrongPasswordError
        return self._tokens.issue(str(entry["_id"]), entry["kind"])

    async def _entry(self, query):
        found = await self._entries(query, 1)
        if not found:
            raise UserNotFoundError
        return found[0]

    async def _entries(self, query, limit=0):
        async with self._database.operation():
            found = self._database.documents["registry"].find(query).sort("_id").limit(limit)
            return await found.to_list()


async def hashed(password, salt):
    return await asyncio.to_thread(hashlib.scrypt, password.encode(), salt=salt, n=2**14, r=8, p=1)


def user_of(entry):
    return User(
        id=entry["_id"],
        name=entry["called"].lower(),
        display_name=entry["called"],
        email=entry["mail"],
        role=entry["kind"],
        created_at=entry["since"],
        updated_at=entry["since"],
    )


def answer(user):
    return {
        "_id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "createdAt": user.created_at,
        "updatedAt": user.updated_at,
    }


INVALID = Refusal(422, "Invalid request Schema")
NOT_FOUND = Refusal(404, "User not found")


@blueprint.post("/register")
@Operation(
    id="registerUser",
    access=PUBLIC,
    tags=("auth",),
    body=Registration,
    invalid=INVALID,
    status=201,
    data=UserAnswer,
    errors={EmailTakenError: Refusal(403, "Email already exists")},
)
async def register(body):
    """Make an account."""
    registry = core().services.get(People)
    return answer(await registry.add(body.name, body.email, body.password, body.role))


@blueprint.post("/login")
@Operation(
    id="login",
    access=PUBLIC,
    tags=("auth",),
    body=Credentials,
    invalid=INVALID,
    data=TokenAnswer,
    errors={
        UserNotFoundError: NOT_FOUND,
        WrongPasswordError: Refusal(400, "Invalid email or password"),
    },
)
async def login(body):
    """Sign in."""
    return {"token": await core().services.get(People).token(body.identifier, body.password)}


@blueprint.get("/me")
@Operation(
    id="getMe",
    access=SIGNED_IN,
    tags=("auth",),
    data=UserAnswer,
    errors={UserNotFoundError: NOT_FOUND},
)
async def me(principal):
    """Return the caller's account."""
    return answer(await core().services.get(People).get(principal.id))


class RegistryPlugin:
    """Stands for the plugin auth."""

    name = "registry"
    provides = "auth"

    @hookimpl
    def register_roles(self):
        return [Role("teacher", label="Teacher"), Role("student", label="Student")]

    @hookimpl
    def register_collections(self):
        return [Entry]

    @hookimpl
    def register_services(self, app):
        parts = core(app)
        parts.services.add(Registry(parts.database, parts.tokens), as_=People)

    @hookimpl
    def register_blueprints(self):
        return [blueprint]
