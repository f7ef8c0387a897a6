"""The set-up: the first administrator of a server on which nobody has an account yet."""

from __future__ import annotations

import hmac
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from quartapp import Attempt, DatabaseUnavailableError
from quartapp_auth.audited import SET_UP, SET_UP_REFUSED
from quartapp_auth.credentials.codes import code_from, hash_of
from quartapp_auth.errors import EmailTakenError, InvalidSetupCodeError, SetupRefusedError
from quartapp_auth.roles import BaseRole
from quartapp_auth.signing_in.guessing import network_of

if TYPE_CHECKING:
    from pymongo.asynchronous.collection import AsyncCollection

    from quartapp import Changes, Database, Document, Tokens
    from quartapp_auth.accounts.store import UserStore
    from quartapp_auth.accounts.users import User
    from quartapp_auth.registering.rule import RegistrationRule
    from quartapp_auth.service import UserService
    from quartapp_auth.signing_in.guessing import Guessing

COLLECTION = "setup"
_ID = "first administrator"
_NONCE_BYTES = 16


class Setup:
    """Makes the first administrator for somebody who has the code of the set-up.

    While the set-up is open, one document in the database has a random number and the ``_id`` of
    the account to be made. The code is computed from that number and the servers' secret, so all
    servers and workers know one code, also after a restart, and the database alone tells nobody the
    code. Whoever sends the code inserts an account with that ``_id``, so only one can be made,
    without transactions and locks. When the account is there, the document is deleted; the next
    document has another number.

    Args:
        users: The service of accounts.
        store: The store of accounts.
        database: The app's database.
        tokens: Tokens whose secret the code is computed from.
        rule: The rule about registration.
        guessing: Limits on failed attempts.
        changes: Store of entries for the audit.
    """

    def __init__(
        self,
        users: UserService,
        store: UserStore,
        database: Database,
        tokens: Tokens,
        rule: RegistrationRule,
        guessing: Guessing,
        changes: Changes,
    ) -> None:
        self._users = users
        self._store = store
        self._database = database
        self._key = tokens.derived_key("set-up code")
        self._rule = rule
        self._guessing = guessing
        self._changes = changes

    async def is_over(self) -> bool:
        """Tell whether somebody has an account."""
        return bool(await self._store.people(limit=1))

    async def open(self) -> str | None:
        """Open the set-up if it is not open yet; return the code.

        Returns:
            The code; None if the first administrator was made meanwhile.
        """
        new = {"nonce": secrets.token_bytes(_NONCE_BYTES), "account": ObjectId()}
        async with self._database.operation():
            # Another server may be faster, and its document holds.
            with suppress(DuplicateKeyError):
                await self._stored.update_one({"_id": _ID}, {"$setOnInsert": new}, upsert=True)
        kept = await self._kept()
        return None if kept is None else self._code(kept)

    async def end(self) -> None:
        """End the set-up: nobody can use the code any more."""
        async with self._database.operation():
            await self._stored.delete_one({"_id": _ID})

    async def register(
        self, code: str, name: str, email: str, password: str, address: str | None = None
    ) -> User:
        """Make the account of the first administrator.

        Of several calls, one succeeds. A password that is refused does not use the code up.

        Args:
            code: The code, as it was typed.
            name: Name as typed, trimmed.
            email: E-mail address in lower case.
            password: Password in clear text, at most 72 bytes of UTF-8.
            address: Network address of the client.

        Raises:
            SetupRefusedError: Somebody has an account, or everybody may register, or no server has
                opened the set-up.
            InvalidSetupCodeError: The code is wrong.
            TooManyFailuresError: The network had too many failures.
            UnfitPasswordError: The password is not good enough.
            SignInUnavailableError: Too many passwords wait to be hashed.
        """
        kept = None if self._rule.is_open else await self._kept()
        # In this order: a document that followed the used one is found only beside the account.
        if kept is None or await self.is_over():
            raise SetupRefusedError
        await self._check(code, kept, address)
        key: ObjectId = kept["account"]
        try:
            user = await self._users.register(
                *(name, email, password, BaseRole.ADMIN),
                Attempt(key),
                vouched=True,
                also=(SET_UP.entry(about={"account": key}),),
            )
        except EmailTakenError:
            raise SetupRefusedError from None
        # The account alone ends the set-up; the next start deletes what stays.
        with suppress(DatabaseUnavailableError):
            await self.end()
        return user

    async def _check(self, code: str, kept: Document, address: str | None) -> None:
        right = hmac.compare_digest(hash_of(code), hash_of(self._code(kept)))

        async def check() -> None:
            if not right:
                raise InvalidSetupCodeError

        # Each network has a limit of its own, so that strangers cannot lock the operator out.
        limited_as = f"set-up from {network_of(address).name}"
        try:
            await self._guessing.attempt(limited_as, address, check)
        except InvalidSetupCodeError:
            await self._changes.note(SET_UP_REFUSED.entry())
            raise

    def _code(self, kept: Document) -> str:
        return code_from(hmac.digest(self._key, kept["nonce"], "sha256"))

    async def _kept(self) -> Document | None:
        async with self._database.operation():
            return await self._stored.find_one({"_id": _ID})

    @property
    def _stored(self) -> AsyncCollection[dict[str, Any]]:
        return self._database.documents[COLLECTION]
