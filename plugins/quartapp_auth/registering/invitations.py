"""Invitations to register, each for one role, for one account, and for seven days."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from pymongo import ReturnDocument

from quartapp import object_id
from quartapp_auth.audited import INVITATION_REVOKED, INVITATION_USED, INVITED
from quartapp_auth.errors import (
    InvitationNeededError,
    InvitationNotFoundError,
    InvitationUsedError,
    UnknownRoleError,
)

if TYPE_CHECKING:
    from collections.abc import Container
    from datetime import datetime

    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Changes, Clock, Database, Document
    from quartapp_auth.registering.rule import RegistrationRule

VALID_DAYS = 7
SECRET_BYTES = 16
LISTED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An invitation to register. Its secret text is nowhere, only a hash is stored.

    Attributes:
        id: ``_id`` of the invitation.
        role: Role of the account.
        email: Address of the account, in lower case; None for any address.
        created_at: When the invitation was made.
        expires_at: When the invitation ends.
        created_by: ``_id`` of the administrator's account; None for the command.
        used_by: ``_id`` of the account that was made with the invitation; None for none yet.
        used_at: When that account was made.
        revoked_at: When the invitation was revoked.
    """

    id: ObjectId
    role: str
    email: str | None
    created_at: datetime
    expires_at: datetime
    created_by: ObjectId | None = None
    used_by: ObjectId | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None


class Invitations:
    """Makes, lists, revokes and takes invitations.

    Args:
        database: The app's database.
        clock: The app's clock.
        rule: The rule about registration.
        roles: The names of all roles.
        changes: Store of changes with their entries for the audit.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        rule: RegistrationRule,
        roles: Container[str],
        changes: Changes,
    ) -> None:
        self._database = database
        self._clock = clock
        self._rule = rule
        self._roles = roles
        self._changes = changes

    async def make(
        self, role: str, email: str | None = None, created_by: str | None = None
    ) -> tuple[Invitation, str]:
        """Make an invitation.

        Args:
            role: Role of the account.
            email: Address of the account, in lower case; None for any address.
            created_by: ``_id`` of the administrator's account; None for the command.

        Returns:
            The invitation, and the secret text with which one person registers.

        Raises:
            RegistrationClosedError: Nobody may register, so an invitation would be of no use.
            UnknownRoleError: There is no such role.
        """
        self._rule.check_invited()
        if role not in self._roles:
            raise UnknownRoleError
        secret = secrets.token_urlsafe(SECRET_BYTES)
        now = self._clock.now()
        kept: Document = {
            "_id": ObjectId(),
            "hash": _hash(secret),
            "role": role,
            "email": email,
            "createdAt": now,
            "expiresAt": now + timedelta(days=VALID_DAYS),
            "createdBy": None if created_by is None else object_id(created_by),
        }
        about = {"invitation": kept["_id"]}
        made = INVITED.entry(created_by, about=about, after={"role": role})
        async with self._database.operation():
            await self._changes.stored([], lambda: self._stored.insert_one(kept), audited=[made])
        return _invitation(kept), secret

    async def newest(self, limit: int | None = None, after: str | None = None) -> list[Invitation]:
        """Return invitations, the newest first, also those that are used, revoked or past.

        Args:
            limit: Largest number of invitations; None for ``LISTED``.
            after: ``_id`` behind which the list starts; None for the beginning.
        """
        query = {"_id": {"$lt": ObjectId(after)}} if after else {}
        async with self._database.operation():
            found = self._stored.find(query).sort("_id", -1).limit(limit or LISTED)
            return [_invitation(document) for document in await found.to_list()]

    async def revoke(self, invitation_id: str) -> Invitation:
        """End an invitation; nothing changes where it has been revoked before.

        Args:
            invitation_id: ``_id`` of the invitation.

        Raises:
            InvitationNotFoundError: There is no such invitation.
            InvitationUsedError: An account was made with the invitation.
        """
        key = object_id(invitation_id)
        now = self._clock.now()
        async with self._database.operation():
            found = await self._changes.stored(
                [],
                lambda: self._stored.find_one_and_update(
                    {"_id": key, "usedBy": None},
                    [{"$set": {"revokedAt": {"$ifNull": ["$revokedAt", now]}}}],
                    return_document=ReturnDocument.AFTER,
                ),
                audited=[INVITATION_REVOKED.entry(about={"invitation": key})],
            )
            if found is not None:
                return _invitation(found)
            if await self._stored.find_one({"_id": key}, {"_id": 1}) is None:
                raise InvitationNotFoundError
        raise InvitationUsedError

    async def check(self, secret: str, email: str, role: str | None, account: ObjectId) -> None:
        """Raise what :meth:`take` would raise now, and change nothing; the arguments are the same.

        Raises:
            InvitationNeededError: The invitation is not for this person.
        """
        query = self._fitting(secret, email, role, account)
        async with self._database.operation():
            if await self._stored.find_one(query, {"_id": 1}) is None:
                raise InvitationNeededError

    async def take(
        self, secret: str, email: str, role: str | None, account: ObjectId
    ) -> Invitation:
        """Bind an invitation to an address, of which only one account can be made.

        A person whose registration failed half-way may try again with the same address. Of several
        people with one invitation, the first gets it.

        Args:
            secret: The text of the invitation.
            email: Address of the account, in lower case.
            role: Role that the person wants; None for the role of the invitation.
            account: ``_id`` that the account will have.

        Raises:
            InvitationNeededError: There is no such invitation, or it is used, revoked or past, or
                for another address or role.
        """
        query = self._fitting(secret, email, role, account)
        async with self._database.operation():
            found = await self._stored.find_one_and_update(query, {"$set": {"takenFor": email}})
        if found is None:
            raise InvitationNeededError
        return _invitation(found)

    async def use(self, invitation: Invitation, account: ObjectId) -> None:
        """Note that an account was made with an invitation, which nobody can take any more.

        Args:
            invitation: The invitation.
            account: ``_id`` of the account.
        """
        about = {"invitation": invitation.id, "account": account}
        async with self._database.operation():
            await self._changes.stored(
                [],
                lambda: self._stored.find_one_and_update(
                    {"_id": invitation.id, "usedBy": None},
                    {"$set": {"usedBy": account, "usedAt": self._clock.now()}},
                ),
                audited=[INVITATION_USED.entry(about=about)],
            )

    def _fitting(self, secret: str, email: str, role: str | None, account: ObjectId) -> Document:
        query: Document = {
            "hash": _hash(secret),
            "expiresAt": {"$gt": self._clock.now()},
            "revokedAt": None,
            "email": {"$in": [None, email]},
            "takenFor": {"$in": [None, email]},
            "usedBy": {"$in": [None, account]},
        }
        return query if role is None else {**query, "role": role}

    @property
    def _stored(self) -> AsyncCollection[dict[str, Any]]:
        return self._database.documents["invitations"]


def _hash(secret: str) -> str:
    # 128 random bits need neither a salt nor a slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()


def _invitation(document: Document) -> Invitation:
    return Invitation(
        id=document["_id"],
        role=document["role"],
        email=document["email"],
        created_at=document["createdAt"],
        expires_at=document["expiresAt"],
        created_by=document["createdBy"],
        used_by=document.get("usedBy"),
        used_at=document.get("usedAt"),
        revoked_at=document.get("revokedAt"),
    )
