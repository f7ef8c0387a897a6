"""Signing out: the end of one token, or of all tokens of an account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from quartapp_auth.accounts.directory import key_of
from quartapp_auth.accounts.users import UserChanges, token_name
from quartapp_auth.audited import SIGNED_OUT

if TYPE_CHECKING:
    from bson import ObjectId

    from quartapp import AuditEntry, Changes, Clock, Principal
    from quartapp_auth.accounts.store import UserStore
    from quartapp_auth.signing_in.states import AccountStates

# Each ended token is kept until it runs out. Nobody signs out more often by hand.
MOST_ENDED_TOKENS = 100


class SignOut:
    """Ends tokens before they run out, and closes the sockets that they have opened.

    This process refuses the tokens at once, and every other process as soon as it hears of the
    change, without reading anything for a request.

    Args:
        store: The store of accounts.
        states: The states of accounts in this process.
        clock: Clock that tells which tokens have run out.
        changes: Store of changes with their entries for the audit.
    """

    def __init__(
        self, store: UserStore, states: AccountStates, clock: Clock, changes: Changes
    ) -> None:
        self._store = store
        self._states = states
        self._clock = clock
        self._changes = changes

    async def here(self, principal: Principal) -> None:
        """End the token of a principal.

        An account with more than ``MOST_ENDED_TOKENS`` ended tokens loses all its tokens instead.

        Args:
            principal: A person with a token of this server.

        Raises:
            DatabaseUnavailableError: The token cannot be ended now.
        """
        key = key_of(principal.id)
        until = datetime.fromtimestamp(principal.expires_at, UTC)
        name = token_name(principal.claims)
        state = await self._changes.stored(
            [],
            lambda: self._store.end_token(key, name, until, self._clock.now()),
            audited=[_entry(key, everywhere=False)],
        )
        if state is not None and len(state.ended) > MOST_ENDED_TOKENS:
            await self._revoke(key)
        await self._states.look_again(principal.id)

    async def everywhere(self, principal: Principal) -> None:
        """End all tokens of a principal's account.

        Args:
            principal: The person.

        Raises:
            DatabaseUnavailableError: The tokens cannot be ended now.
        """
        await self._revoke(key_of(principal.id))
        await self._states.look_again(principal.id)

    async def _revoke(self, key: ObjectId) -> None:
        await self._changes.stored(
            [],
            lambda: self._store.change(key, UserChanges(), revoke=True),
            audited=[_entry(key, everywhere=True)],
        )


def _entry(key: ObjectId, *, everywhere: bool) -> AuditEntry:
    return SIGNED_OUT.entry(about={"account": key}, after={"everywhere": everywhere})
