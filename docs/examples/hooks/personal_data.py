"""What a library keeps of its readers."""

from bson import ObjectId

from quartapp import core, hookimpl


class LibraryPlugin:
    """Tells readers which books they have."""

    name = "library"

    def __init__(self):
        self._database = None

    @hookimpl
    def register_services(self, app):
        self._database = core(app).database

    @hookimpl
    async def personal_data(self, user_id):
        async with self._database.operation():
            loans = self._database.documents["loans"].find({"readerId": ObjectId(user_id)})
            return {"loans": await loans.to_list()}
