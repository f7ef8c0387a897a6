"""What the audit records of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import AuditAction

if TYPE_CHECKING:
    from quartapp import AuditEntry, Changes
    from quartapp_auth.accounts.store import UserStore
    from quartapp_auth.accounts.users import User, UserChanges

SIGNED_IN = AuditAction("auth.signed-in", about=("account",))
SIGN_IN_FAILED = AuditAction("auth.sign-in-failed", about=("account",))
SIGNED_OUT = AuditAction("auth.signed-out", about=("account",), values=("everywhere",))
REGISTERED = AuditAction("auth.registered", about=("account",), values=("role",))
SET_UP = AuditAction("auth.set-up", about=("account",))
SET_UP_REFUSED = AuditAction("auth.set-up-refused")
PASSWORD_CHANGED = AuditAction("auth.password-changed", about=("account",))
RESET_CODE_MADE = AuditAction("auth.reset-code-made", about=("account",), values=("until",))
ROLE_CHANGED = AuditAction("auth.role-changed", about=("account",), values=("role",))
DISABLED = AuditAction("auth.disabled", about=("account",))
ENABLED = AuditAction("auth.enabled", about=("account",))
REVOKED = AuditAction("auth.revoked", about=("account",))
ERASED = AuditAction("auth.erased", about=("account",))
INVITED = AuditAction("auth.invited", about=("invitation",), values=("role",))
INVITATION_USED = AuditAction("auth.invitation-used", about=("invitation", "account"))
INVITATION_REVOKED = AuditAction("auth.invitation-revoked", about=("invitation",))

ACTIONS = (
    SIGNED_IN,
    SIGN_IN_FAILED,
    SIGNED_OUT,
    REGISTERED,
    SET_UP,
    SET_UP_REFUSED,
    PASSWORD_CHANGED,
    RESET_CODE_MADE,
    ROLE_CHANGED,
    DISABLED,
    ENABLED,
    REVOKED,
    ERASED,
    INVITED,
    INVITATION_USED,
    INVITATION_REVOKED,
)


def registered(user: User) -> list[AuditEntry]:
    """Return the entry for a new account.

    Args:
        user: The account.
    """
    return [REGISTERED.entry(about={"account": user.id}, after={"role": user.role})]


async def change_account(
    store: UserStore,
    changes: Changes,
    user: User,
    fields: UserChanges,
    *,
    revoke: bool = False,
) -> User | None:
    """Change an account, and record what matters: role, password, whether it may sign in, tokens.

    Args:
        store: The store of accounts.
        changes: Store of changes with their entries.
        user: The account before the change.
        fields: What to change.
        revoke: Whether to end the account's tokens.

    Returns:
        The account after the change; None if there is no such account any more.

    Raises:
        EmailTakenError: Another account has the address or the username.
        DatabaseUnavailableError: MongoDB did not answer in time.
    """
    return await changes.stored(
        [],
        lambda: store.change(user.id, fields, revoke=revoke),
        audited=_entries(user, fields, revoke=revoke),
    )


def _entries(user: User, fields: UserChanges, *, revoke: bool) -> list[AuditEntry]:
    about = {"account": user.id}
    entries = []
    if "role" in fields and fields["role"] != user.role:
        role = {"role": fields["role"]}
        entries.append(ROLE_CHANGED.entry(about=about, before={"role": user.role}, after=role))
    if "password" in fields:
        entries.append(PASSWORD_CHANGED.entry(about=about))
    if "disabled" in fields and fields["disabled"] != user.disabled:
        entries.append((DISABLED if fields["disabled"] else ENABLED).entry(about=about))
    if revoke and not entries:
        entries.append(REVOKED.entry(about=about))
    return entries
