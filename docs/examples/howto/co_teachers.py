"""Co-teachers: the owner of a class lets colleagues call its roll, and revokes that again."""

from typing import ClassVar

from bson import ObjectId
from mongoengine import ObjectIdField
from quart import Blueprint

from quartapp import Closed, Grant, Model, ObjectIdString, Operation, Refusal, core, hookimpl
from quartapp import permission as needs
from quartapp_classes import ClassNotFoundError, ClassService, NotOwnerError

ALLOWED = {"class:read", "session:start", "marks:write"}
COLLECTION = "co_teachers"

blueprint = Blueprint("co_teachers", __name__, url_prefix="/api/v1/class")


class CoTeaching(Model):
    """The co-teachers of one class."""

    class_id = ObjectIdField(required=True, db_field="classId")
    teacher_id = ObjectIdField(required=True, db_field="teacherId")

    meta: ClassVar = {
        "collection": COLLECTION,
        "indexes": [{"fields": ["class_id", "teacher_id"], "unique": True}],
    }


class CoTeachers:
    """The co-teachers in the database."""

    def __init__(self, database):
        self._database = database

    async def add(self, class_id, teacher_id):
        pair = {"classId": ObjectId(class_id), "teacherId": ObjectId(teacher_id)}
        async with self._database.operation():
            await self._database.documents[COLLECTION].update_one(pair, {"$set": pair}, upsert=True)

    async def remove(self, class_id, teacher_id):
        pair = {"classId": ObjectId(class_id), "teacherId": ObjectId(teacher_id)}
        async with self._database.operation():
            await self._database.documents[COLLECTION].delete_one(pair)

    async def has(self, class_id, teacher_id):
        pair = {"classId": ObjectId(class_id), "teacherId": ObjectId(teacher_id)}
        async with self._database.operation():
            return await self._database.documents[COLLECTION].find_one(pair) is not None


class CoTeacher(Closed):
    """A co-teacher of a class."""

    class_id: ObjectIdString
    teacher_id: ObjectIdString


SHARED = {
    "access": needs("class:write", role="teacher"),
    "tags": ("class",),
    "data": CoTeacher,
    "errors": {
        ClassNotFoundError: Refusal(404, "Class not found"),
        NotOwnerError: Refusal(403, "Forbidden, not class teacher"),
    },
}


@blueprint.put("/<class_id>/co-teachers/<teacher_id>")
@Operation(id="addCoTeacher", **SHARED)
async def add(principal, class_id, teacher_id):
    """Let a colleague call the roll of a class."""
    await core().services.get(ClassService).allowed(class_id, principal, "class:write")
    await core().services.get(CoTeachers).add(class_id, teacher_id)
    return {"class_id": class_id, "teacher_id": teacher_id}


@blueprint.delete("/<class_id>/co-teachers/<teacher_id>")
@Operation(id="removeCoTeacher", **SHARED)
async def remove(principal, class_id, teacher_id):
    """Revoke a colleague's permission to call the roll."""
    await core().services.get(ClassService).allowed(class_id, principal, "class:write")
    await core().services.get(CoTeachers).remove(class_id, teacher_id)
    return {"class_id": class_id, "teacher_id": teacher_id}


class CoTeachersPlugin:
    """The plugin that lets owners add co-teachers."""

    name = "coteachers"
    requires = ("classes",)

    @hookimpl
    def register_collections(self):
        return [CoTeaching]

    @hookimpl
    def register_services(self, app):
        self.known = CoTeachers(core(app).database)
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
