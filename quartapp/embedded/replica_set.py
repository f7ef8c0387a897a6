"""Makes a mongod that listens the primary of a replica set of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pymongo
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from quartapp.embedded.address import REPLICA_SET

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from quartapp.embedded.address import Address

# How long one look for the mongod may take, before it is asked again whether there is one.
_LOOK_SECONDS = 1.0
_POLL_SECONDS = 0.005
_ALREADY_INITIALIZED = 23


class NotPrimaryError(Exception):
    """The mongod has ended, or did not become primary in time; the message says why."""


def become_primary(address: Address, deadline: float, is_running: Callable[[], bool]) -> None:
    """Wait until the mongod is a writable primary, and do what it takes.

    Whatever an earlier process has left half done is done.

    Args:
        address: where it listens.
        deadline: of ``time.monotonic()``.
        is_running: whether there is still a mongod.

    Raises:
        NotPrimaryError: it has ended, or time is up.
        PyMongoError: it refused.
    """
    uri = f"{address.uri.partition('?')[0]}?directConnection=true"
    client: pymongo.MongoClient[dict[str, Any]]  # Any: documents of the server's own making
    why = "it did not become primary in time"
    with pymongo.MongoClient(uri) as client:
        while time.monotonic() < deadline:
            try:
                with pymongo.timeout(_LOOK_SECONDS):
                    hello = client.admin.command("hello")
                if hello["isWritablePrimary"]:
                    return
                if hello.get("isreplicaset"):
                    with pymongo.timeout(max(deadline - time.monotonic(), 0)):
                        _configure(client, address.host)
            except PyMongoError as error:
                # A node that finds it is not in its configuration hangs up on everybody.
                if not (isinstance(error, AutoReconnect) or error.timeout):
                    raise
                why = str(error)
                if not is_running():
                    break
            time.sleep(_POLL_SECONDS)
    raise NotPrimaryError(why)


def _configure(client: pymongo.MongoClient[dict[str, Any]], host: str) -> None:
    """Make a new folder a replica set, and an old one the replica set at this address.

    The address is another when the folder has moved, and in folders from before it was a socket.
    """
    member = {"_id": 0, "host": host}
    try:
        client.admin.command({"replSetInitiate": {"_id": REPLICA_SET, "members": [member]}})
    except OperationFailure as error:
        if error.code != _ALREADY_INITIALIZED:
            raise
    else:
        return
    config = client.admin.command("replSetGetConfig")["config"]
    if config["members"][0]["host"] != host:
        # Forced, since a node that does not find itself in its configuration is no primary.
        config["members"][0]["host"] = host
        config["version"] += 1
        client.admin.command({"replSetReconfig": config, "force": True})
