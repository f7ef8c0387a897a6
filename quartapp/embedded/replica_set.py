"""The set-up of a running mongod as the primary of its own replica set."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pymongo
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from quartapp.embedded.access import REPLICA_SET

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Time limit of one request, after which the keeper's lock says whether mongod still runs.
_REQUEST_SECONDS = 1.0
_POLL_SECONDS = 0.005
_ALREADY_INITIALIZED = 23


class NotPrimaryError(Exception):
    """The error for a mongod that has ended, or did not become primary in time."""


def is_primary(uri: str) -> bool:
    """Tell whether a mongod lets its user in, and is a writable primary.

    Args:
        uri: URI of the mongod, with the user and the password.
    """
    client: pymongo.MongoClient[dict[str, Any]]  # Any: documents of the server's own making
    with pymongo.MongoClient(uri) as client:
        try:
            with pymongo.timeout(_REQUEST_SECONDS):
                return bool(client.admin.command("hello")["isWritablePrimary"])
        except PyMongoError:
            return False


def become_primary(uri: str, host: str, deadline: float, is_running: Callable[[], bool]) -> None:
    """Configure the replica set if necessary, and wait until the mongod is a writable primary.

    The call also completes a configuration that an earlier process began.

    Args:
        uri: URI of the mongod with the key, as a mongod without a replica set has no users.
        host: Address of the member in the configuration of the replica set.
        deadline: End of the wait, in seconds of ``time.monotonic()``.
        is_running: Function that tells whether the mongod still runs.

    Raises:
        NotPrimaryError: The mongod has ended, or time is up.
        PyMongoError: The mongod refused a command.
    """
    client: pymongo.MongoClient[dict[str, Any]]  # Any: documents of the server's own making
    why = "it did not become primary in time"
    with pymongo.MongoClient(uri) as client:
        while time.monotonic() < deadline:
            try:
                with pymongo.timeout(_REQUEST_SECONDS):
                    hello = client.admin.command("hello")
                if hello["isWritablePrimary"]:
                    return
                if hello.get("isreplicaset"):
                    with pymongo.timeout(max(deadline - time.monotonic(), 0)):
                        _configure(client, host)
            except PyMongoError as error:
                # A node that is missing in its own configuration closes all connections.
                if not (isinstance(error, AutoReconnect) or error.timeout):
                    raise
                why = str(error)
                if not is_running():
                    break
            time.sleep(_POLL_SECONDS)
    raise NotPrimaryError(why)


def _configure(client: pymongo.MongoClient[dict[str, Any]], host: str) -> None:
    """Initiate the replica set of a new folder, or give the replica set of an old one this address.

    The address differs after the folder has moved, and in folders of versions without a socket.
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
        # A node that is missing in its own configuration is no primary, so the change is forced.
        config["members"][0]["host"] = host
        config["version"] += 1
        client.admin.command({"replSetReconfig": config, "force": True})
