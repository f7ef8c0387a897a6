"""Lists on the doors of class rooms are marked as outdated when the members of a class change."""

from bson import ObjectId

from quartapp import core, hookimpl


class DoorLists:
    """The printed lists, by class."""

    def __init__(self, database):
        self._database = database

    async def printed(self, class_id):
        async with self._database.operation():
            await self._database.documents["doors"].update_one(
                {"_id": ObjectId(class_id)}, {"$set": {"outdated": False}}, upsert=True
            )

    async def mark_outdated(self, class_ids):
        classes = [ObjectId(class_id) for class_id in class_ids]
        async with self._database.operation():
            await self._database.documents["doors"].update_many(
                {"_id": {"$in": classes}}, {"$set": {"outdated": True}}
            )

    async def outdated(self):
        async with self._database.operation():
            found = await self._database.documents["doors"].find({"outdated": True}).to_list()
        return [str(door["_id"]) for door in found]


class DoorsPlugin:
    """The plugin that keeps the lists."""

    name = "doors"
    requires = ("classes",)

    @hookimpl
    def register_services(self, app):
        self.lists = DoorLists(core(app).database)
        core(app).services.add(self.lists)

    @hookimpl
    async def members_changed(self, class_ids):
        await self.lists.mark_outdated(class_ids)
