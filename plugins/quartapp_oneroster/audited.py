"""What the audit records of imports: their amounts, and each account that is taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quartapp import AuditAction

if TYPE_CHECKING:
    from bson import ObjectId

    from quartapp import AuditEntry
    from quartapp_oneroster.plan import Totals

_AMOUNTS = (
    *("people-new", "people-changed", "people-linked", "people-left"),
    *("classes-new", "classes-changed", "classes-over"),
    *("rolls-add", "rolls-remove", "rejected"),
)

BEGUN = AuditAction("oneroster.import-begun", values=_AMOUNTS)
FINISHED = AuditAction("oneroster.import-finished", values=_AMOUNTS)
TAKEN_OVER = AuditAction("oneroster.account-taken-over", about=("account",), values=("vouched",))

ACTIONS = (BEGUN, FINISHED, TAKEN_OVER)


def taken_over(account_id: ObjectId) -> AuditEntry:
    """Return the entry for an account that becomes the one of an imported person.

    Args:
        account_id: ``_id`` of the account.
    """
    return TAKEN_OVER.entry(
        about={"account": account_id}, before={"vouched": False}, after={"vouched": True}
    )


def amounts(totals: Totals) -> dict[str, int]:
    """Return the amounts of a plan as values of an entry.

    Args:
        totals: Totals of the plan.
    """
    found = {
        f"{what}-{kind}": number
        for what, kinds in (
            ("people", totals.users),
            ("classes", totals.classes),
            ("rolls", totals.roll),
        )
        for kind, number in kinds.items()
    }
    return {name: number for name, number in found.items() if name in _AMOUNTS}
