"""The indexes that models declare are made when a server starts."""

from __future__ import annotations

from mongoengine import IntField, StringField

from quartapp import Model, hookimpl


class Shelf(Model):
    """A model with indexes of each kind, and with subclasses."""

    meta = {  # noqa: RUF012 - MongoEngine reads it
        "collection": "shelves",
        "allow_inheritance": True,
        "indexes": [
            {"fields": ["code"], "unique": True},
            {"fields": ["-floor", "code"], "sparse": True, "cls": False},
        ],
    }
    code = StringField()
    floor = IntField()


class Drawer(Shelf):
    """A shelf that opens."""


class Library:
    name = "library"

    @hookimpl
    def register_collections(self):
        return [Shelf, Drawer]


async def test_indexes_have_their_options_and_a_second_start_makes_none_anew(serve):
    for _ in range(2):
        server = await serve(beside=[Library])
        found = await server.documents["shelves"].index_information()
        assert {name: index["key"] for name, index in found.items()} == {
            "_id_": [("_id", 1)],
            "_cls_1_code_1": [("_cls", 1), ("code", 1)],
            "floor_-1_code_1": [("floor", -1), ("code", 1)],
        }
        assert found["_cls_1_code_1"]["unique"]
        assert found["floor_-1_code_1"]["sparse"]


async def test_a_model_with_subclasses_and_no_index_has_one_on_the_class(serve):
    class Room(Model):
        meta = {"collection": "rooms", "allow_inheritance": True}  # noqa: RUF012 - as above

    class House:
        name = "house"

        @hookimpl
        def register_collections(self):
            return [Room]

    server = await serve(beside=[House])
    found = await server.documents["rooms"].index_information()
    assert {name: index["key"] for name, index in found.items()} == {
        "_id_": [("_id", 1)],
        "_cls_1": [("_cls", 1)],
    }
