"""One-time codes, with which people set a password for their accounts.

A code is text in Crockford's base 32, which people can type: capitals do not matter, nor do hyphens
and blanks, and a 0 may be typed as an O, a 1 as an I or an L. Only a hash of a code is stored.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument

from quartapp import timestamp
from quartapp_auth.audited import RESET_CODE_MADE

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from bson import ObjectId
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import AuditEntry, Changes, Clock, Database, Document
    from quartapp_auth.accounts.users import User

COLLECTION = "oneTimeCodes"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# 130 bits, five to a character.
CHARACTERS = 26
# 80 bits. A code on a sheet of paper is typed, and whoever guesses asks the server each time.
TYPED_CHARACTERS = 16
_GROUP = 4
_LEFT_OUT = re.compile(r"[\s-]+")
_MISTAKEN = str.maketrans("OIL", "011")


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """A one-time code that was made now; its text can be read this once.

    Attributes:
        text: The code, in groups with hyphens between.
        expires_at: When the code ends.
    """

    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """What a code stands for.

    Attributes:
        owner: ``_id`` of the account.
        ver: The account's number when the code was made. A code of another number is worthless, as
            tokens are: the password or the role has changed since.
        hash: Hash of the code.
        mailed_to: Address that the code was mailed to, so whoever has the code reads mail there;
            None for a code that was handed out.
    """

    owner: ObjectId
    ver: int
    hash: str
    mailed_to: str | None = None


class Codes:
    """The one-time codes; an account has one at a time.

    Args:
        database: The app's database.
        clock: The app's clock.
        changes: Store of changes with their entries for the audit.
    """

    def __init__(self, database: Database, clock: Clock, changes: Changes) -> None:
        self._database = database
        self._clock = clock
        self._changes = changes

    async def make(
        self,
        user: User,
        lasts: timedelta,
        characters: int = CHARACTERS,
        mailed_to: str | None = None,
    ) -> OneTimeCode:
        """Make a code for an account; an earlier code of the account ends.

        Args:
            user: The account.
            lasts: Time until the code ends.
            characters: Number of characters, of five random bits each.
            mailed_to: Address that the code is mailed to; None for a code that is handed out.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        text = new_code(characters)
        now = self._clock.now()
        expires_at = now + lasts
        kept = {"hash": hash_of(text), "ver": user.ver, "expiresAt": expires_at}
        if mailed_to is not None:
            kept["mailedTo"] = mailed_to

        async def replace() -> Document:
            earlier = await self._stored.find_one_and_replace(
                {"_id": user.id}, kept, upsert=True, return_document=ReturnDocument.BEFORE
            )
            return earlier or {}

        def entries(earlier: Document) -> list[AuditEntry]:
            ends = earlier.get("ver") == user.ver and earlier["expiresAt"] > now
            return [
                RESET_CODE_MADE.entry(
                    about={"account": user.id},
                    before={"until": timestamp(earlier["expiresAt"]) if ends else None},
                    after={"until": timestamp(expires_at)},
                )
            ]

        async with self._database.operation():
            await self._changes.stored([], replace, audited=entries)
        return OneTimeCode(text, expires_at)

    async def claim(self, text: str) -> Claim | None:
        """Return what a code stands for; None for a text that is no code, or no more.

        Args:
            text: The code, as it was typed.
        """
        query = {"hash": hash_of(text), "expiresAt": {"$gt": self._clock.now()}}
        async with self._database.operation():
            found = await self._stored.find_one(query)
        if found is None:
            return None
        return Claim(found["_id"], found["ver"], found["hash"], found.get("mailedTo"))

    async def use(self, claim: Claim) -> bool:
        """Use a code up; tell whether this call has done so, and no other.

        Args:
            claim: What the code stands for.
        """
        query = {
            "_id": claim.owner,
            "hash": claim.hash,
            "expiresAt": {"$gt": self._clock.now()},
        }
        async with self._database.operation():
            return (await self._stored.delete_one(query)).deleted_count == 1

    @property
    def _stored(self) -> AsyncCollection[dict[str, Any]]:
        return self._database.documents[COLLECTION]


def new_code(characters: int = CHARACTERS) -> str:
    """Return a random code, in groups with hyphens between.

    Args:
        characters: Number of characters, of five random bits each.
    """
    return _grouped("".join(secrets.choice(ALPHABET) for _ in range(characters)))


def code_from(digest: bytes) -> str:
    """Return the code that belongs to a digest, in groups with hyphens between.

    Args:
        digest: 17 bytes or more that nobody can guess.
    """
    bits = int.from_bytes(digest)
    return _grouped("".join(ALPHABET[bits >> 5 * place & 31] for place in range(CHARACTERS)))


def hash_of(text: str) -> str:
    """Return the hash of a code, however the code was typed.

    Args:
        text: The code.
    """
    plain = _LEFT_OUT.sub("", text).upper().translate(_MISTAKEN)
    # Random bits need neither a salt nor a slow hash.
    return hashlib.sha256(plain.encode()).hexdigest()


def _grouped(text: str) -> str:
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
