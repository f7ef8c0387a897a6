"""Access to the embedded mongod: a password for the server's processes, a key for the set-up.

Both are made at the first start, and lie in the data folder, where only its owner reads them. With
the key, a client is the member of the replica set that mongod calls ``__system``, which may do
everything and needs no stored user. So the set-up works on any data, also on data of the time
without access control, and begins again wherever an earlier set-up was killed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from quartapp.embedded.failures import EmbeddedMongoError
from quartapp.errors import QuartappError
from quartapp.secret_file import kept_secret

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

REPLICA_SET = "quartapp"
PASSWORD_FILE = "mongod.password"  # noqa: S105 - a file's name
KEY_FILE = "mongod.key"
AUTHENTICATION_FAILED = 18
"""Code of MongoDB's error for a wrong user, password or key."""

_USER = "quartapp"
_MECHANISM = "SCRAM-SHA-256"
_BY_MECHANISM = f"authMechanism={_MECHANISM}"
# Data, indexes, and figures about both. The user makes no users, and configures no mongod.
_ROLES = ("readWriteAnyDatabase", "dbAdminAnyDatabase", "clusterMonitor")
_SECRET_BYTES = 32
# The least that mongod takes. More of them slow down guesses at words, and no guess finds 32 random
# bytes; each client computes them before it is let in.
_ITERATIONS = 5000
# mongod accepts the letters of base64 in a key file, and 1,024 of them at most.
_SECRET = re.compile(r"[A-Za-z0-9+/=]{1,1024}")


class OtherPasswordError(Exception):
    """The error for a running mongod whose user has another password than the one in the file."""


@dataclass(frozen=True)
class Access:
    """What opens the mongod of one data folder.

    Attributes:
        key_file: The key file of the replica set.
        key: The content of the key file.
        password: The password of the server's processes.
    """

    key_file: Path
    key: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def options(self) -> list[str]:
        """Options of a mongod that lets nobody in without a password or the key."""
        return [
            *("--keyFile", str(self.key_file)),
            *("--setParameter", f"authenticationMechanisms={_MECHANISM}"),
            *("--setParameter", f"scramSHA256IterationCount={_ITERATIONS}"),
            # Nobody makes the first user over a connection that has no password.
            *("--setParameter", "enableLocalhostAuthBypass=false"),
        ]

    def uri(self, address: str) -> str:
        """Return the URI for the server's processes, without a database name.

        Args:
            address: The address of the mongod, as it stands in a URI.
        """
        # A direct connection never follows the address stored in the replica set's configuration.
        options = f"directConnection=true&replicaSet={REPLICA_SET}&authSource=admin"
        return f"mongodb://{_USER}:{quote_plus(self.password)}@{address}/?{options}&{_BY_MECHANISM}"

    def key_uri(self, address: str) -> str:
        """Return the URI for the set-up, also of a mongod without a replica set and users.

        Args:
            address: The address of the mongod, as it stands in a URI.
        """
        options = "directConnection=true&authSource=local"
        return f"mongodb://__system:{quote_plus(self.key)}@{address}/?{options}&{_BY_MECHANISM}"

    def let_in(self, address: str, *, may_change: bool) -> None:
        """Make the user of the server's processes, or give that user the password in the file.

        Args:
            address: The address of a primary, as it stands in a URI.
            may_change: Whether the password may change; processes that use the mongod would be
                locked out.

        Raises:
            OtherPasswordError: The password would have to change.
            PyMongoError: The mongod does not answer, or refused a command.
        """
        client: MongoClient[dict[str, Any]]  # Any: documents of the server's own making
        with MongoClient(self.key_uri(address)) as client:
            users = client.admin.command("usersInfo", _USER)["users"]
            if users and self._is_let_in(address):
                return
            if users and not may_change:
                raise OtherPasswordError
            client.admin.command(
                "updateUser" if users else "createUser",
                _USER,
                pwd=self.password,
                mechanisms=[_MECHANISM],
                roles=list(_ROLES),
            )

    def _is_let_in(self, address: str) -> bool:
        client: MongoClient[dict[str, Any]]  # Any: as above
        with MongoClient(self.uri(address)) as client:
            try:
                client.admin.command("ping")
            except OperationFailure as error:
                if error.code != AUTHENTICATION_FAILED:
                    raise
                return False
        return True


def access_in(data_dir: Path) -> Access:
    """Return the access to the mongod of a data folder; make key and password if necessary.

    Args:
        data_dir: The data folder.

    Raises:
        EmbeddedMongoError: A file with a secret is not safe, or cannot be read or written.
    """
    key_file = data_dir / KEY_FILE
    return Access(key_file, _kept(key_file), _kept(data_dir / PASSWORD_FILE))


def _kept(path: Path) -> str:
    try:
        secret = kept_secret(path, _SECRET_BYTES)
    except QuartappError as error:
        raise EmbeddedMongoError(f"The embedded MongoDB is not safe: {error}.") from error
    if _SECRET.fullmatch(secret) is None:
        message = (
            f"The embedded MongoDB cannot use {path}: it has more than 1,024 characters, or others "
            "than letters, digits, `+`, `/` and `=`; remove the file, and the server makes another."
        )
        raise EmbeddedMongoError(message)
    return secret
