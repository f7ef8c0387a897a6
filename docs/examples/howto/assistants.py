"""Assistants: the primary teacher lets them call the roll of a class, and revokes that again."""

from typing import ClassVar

from bson import ObjectId
from mongoengine import ObjectIdField
from quart import Blueprint

from quartapp import Closed, Grant, Model, ObjectIdString, Operation, Refusal, Role, core, hookimpl
from quartapp import permission as needs
from quartapp_classes import ClassNotFoundError, ClassService, NotOwnerError

ALLOWED = {"class:read", "session:start", "marks:write"}
COLLECTION = "assistants"

blueprint = Blueprint("assistants", __name__, url_prefix="/api/v1/class")


class Assistance(Model):
    """The assistants of one class."""

    class_id = ObjectIdField(required=True, db_field="classId")
    user_id = ObjectIdField(required=True, db_field="userId")

    meta: ClassVar = {
        "collection": COLLECTION,
        "indexes": [{"fields": ["class_id", "user_id"], "unique": True}],
    }


class Assistants:
    """The assistants in the database."""

    def __init__(self, database):
        self._database = database

    async def add(self, class_id, user_id):
        pair = {"classId": ObjectId(class_id), "userId": ObjectId(user_id)}
        async with self._database.operation():
            await self._database.documents[COLLECTION].update_one(pair, {"$set": pair}, upsert=True)

    async def remove(self, class_id, user_id):
        pair = {"classId": ObjectId(class_id), "userId": ObjectId(user_id)}
        async with self._database.operation():
            await self._database.documents[COLLECTION].delete_one(pair)

    async def has(self, class_id, user_id):
        pair = {"classId": ObjectId(class_id), "userId": ObjectId(user_id)}
        async with self._database.operation():
            return await self._database.documents[COLLECTION].find_one(pair) is not None


class Assistant(Closed):
    """An assistant of a class."""

    class_id: ObjectIdString
    user_id: ObjectIdString


SHARED = {
    "access": needs("class:write", role="teacher"),
    "tags": ("class",),
    "data": Assistant,
    "errors": {
        ClassNotFoundError: Refusal(404, "Class not found"),
        NotOwnerError: Refusal(403, "Forbidden, not class teacher"),
    },
}


@blueprint.put("/<class_id>/assistants/<user_id>")
@Operation(id="addAssistant", **SHARED)
async def add(principal, class_id, user_id):
    """Let an assistant call the roll of a class."""
    await core().services.get(ClassService).allowed(class_id, principal, "class:write")
    await core().services.get(Assistants).add(class_id, user_id)
    return {"class_id": class_id, "user_id": user_id}


@blueprint.delete("/<class_id>/assistants/<user_id>")
@Operation(id="removeAssistant", **SHARED)
async def remove(principal, class_id, user_id):
    """Revoke an assistant's permission to call the roll."""
    await core().services.get(ClassService).allowed(class_id, principal, "class:write")
    await core().services.get(Assistants).remove(class_id, user_id)
    return {"class_id": class_id, "user_id": user_id}


class AssistantsPlugin:
    """The plugin that lets primary teachers add assistants."""

    name = "assistants"
    requires = ("classes",)

    @hookimpl
    def register_roles(self):
        return [Role("assistant", label="Assistant")]

    @hookimpl
    def register_collections(self):
        return [Assistance]

    @hookimpl
    def register_services(self, app):
        self.known = Assistants(core(app).database)
        core(app).services.add(self.known)

    @hookimpl
    def register_blueprints(self):
        return [blueprint]

    @hookimpl
    async def grant(self, principal, permission, resource):
        class_id = resource.get("class_id")
        if class_id is None or permission not in ALLOWED:
            return None
        return Grant() if await self.known.has(class_id, principal.id) else None
