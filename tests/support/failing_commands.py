"""Commands of a mongod that fail, for one collection, while all others work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pymongo

if TYPE_CHECKING:
    from tests.support.mongod import Mongod

# A mongod lets tests make commands fail only when it was started with these.
OPTIONS = ("--replSet", "test", "--setParameter", "enableTestCommands=1")
# MaxTimeMSExpired: drivers neither try again nor take the server for gone.
_CODE = 50
STREAM = ("aggregate", "getMore")


def fail(mongod: Mongod, collection: str, *commands: str) -> None:
    """Let commands on a collection fail from now on; those that failed before work again.

    Args:
        mongod: The mongod, started with ``OPTIONS``.
        collection: Name of the collection in the database ``quartapp``.
        commands: Names of the commands; none lets everything work again.
    """
    point = {"configureFailPoint": "failCommand", "mode": "alwaysOn" if commands else "off"}
    failing = {
        "failCommands": list(commands),
        "namespace": f"quartapp.{collection}",
        "errorCode": _CODE,
    }
    with pymongo.MongoClient(mongod.uri) as client:
        client.admin.command({**point, "data": failing} if commands else point)
