"""The administrator's page about the audit: who did what, and whether nobody has changed it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field
from quart import Blueprint

from quartapp import (
    ObjectIdInput,
    PageOperation,
    Refusal,
    Verification,
    core,
    object_id,
    permission,
)
from quartapp_auth import People
from quartapp_web.day_ranges import LocalDay
from quartapp_web.moments import full_moment
from quartapp_web.named_people import UnclearPersonError, person_named
from quartapp_web.rendering import Pages, page_for
from quartapp_web.texts import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from quart import Response

    from quartapp import Document, Principal

blueprint = Blueprint("web_audit", __name__, url_prefix="/app/office/audit")

ACCESS = permission("audit:read", role="admin")
SHOWN = 100
WAYS = {
    "client": _("somebody who was not signed in"),
    "command": _("a command on the server"),
    "server": _("the server"),
}
UNCHANGED = _("{count} entries since {day} are as they were written.")
EMPTY = _("There are no entries.")
CHANGED = _("Entries of the audit were changed, deleted, inserted or moved:")


class AuditQuery(BaseModel):
    """The choice of entries; an empty field says nothing."""

    who: str = Field("", max_length=254)
    action: Annotated[str, Field(max_length=100)] = ""
    day: Annotated[LocalDay, BeforeValidator(lambda text: text or None)] = None
    after: ObjectIdInput | None = None


@blueprint.get("")
@PageOperation(
    id="showAudit",
    action="listAudit",
    access=ACCESS,
    query=AuditQuery,
    invalid=Refusal(400, "Invalid request schema"),
)
async def show_audit(principal: Principal, query: AuditQuery) -> Response:
    """Show entries of the audit, the newest first."""
    return await _page(principal, query)


@blueprint.post("/verify")
@PageOperation(id="verifyAuditOnPage", action="listAudit", access=ACCESS)
async def verify(principal: Principal) -> Response:
    """Verify all entries, and show the end, to be kept elsewhere."""
    found = await Verification(core().database, core().clock).run()
    pages = core().services.get(Pages)
    if found.fault is not None:
        fault = f"{pages.translated(CHANGED)} {found.fault}"
        return await _page(principal, AuditQuery(), {"": fault})
    if found.first is None:
        return await _page(principal, AuditQuery(), told=pages.translated(EMPTY))
    told = pages.translated(UNCHANGED).replace("{count}", str(found.entries))
    told = told.replace("{day}", found.first.day)
    return await _page(principal, AuditQuery(), told=told, head=str(found.end))


async def _page(
    principal: Principal,
    query: AuditQuery,
    problems: Mapping[str, str] | None = None,
    told: str = "",
    head: str = "",
) -> Response:
    audit, found = core().audit, []
    problems = dict(problems or {})
    try:
        who = await _who(query.who)
    except UnclearPersonError as error:
        problems["who"] = core().services.get(Pages).translated(str(error))
    else:
        day = query.day.isoformat() if query.day else None
        found = await audit.newest(
            SHOWN + 1, query.after, day=day, who=who, action=query.action or None
        )
    names = await _names(found[:SHOWN])
    return await page_for(
        principal,
        "audit.html",
        entries=[_row(one, names) for one in found[:SHOWN]],
        more=found[SHOWN - 1]["_id"] if len(found) > SHOWN else "",
        who=query.who,
        action=query.action,
        actions=sorted(audit.actions),
        day=query.day.isoformat() if query.day else "",
        problems=problems,
        told=told,
        head=head,
    )


async def _who(typed: str) -> str | None:
    if not typed.strip():
        return None
    key = object_id(typed.strip())
    return str(key) if key is not None else str((await person_named(typed)).id)


async def _names(entries: Iterable[Document]) -> dict[str, str]:
    """Return the names of all accounts that the entries name, by their ids."""
    named = {key for one in entries for key in (one["who"], *one["about"].values())}
    ids = {object_id(key) for key in named if key}
    people = core().services.get(People)  # type: ignore[type-abstract] # mypy takes a protocol for a class that cannot be used
    contacts = await people.contacts([key for key in ids if key is not None])
    return {str(key): contact.display_name for key, contact in contacts.items()}


def _row(entry: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    way = core().services.get(Pages).translated(WAYS[entry["way"]])
    who = entry["who"]
    before, after = entry["before"], entry["after"]
    return {
        "at": full_moment(datetime.fromisoformat(entry["at"])),
        "action": entry["action"],
        "who": names.get(who, who) if who else way,
        "from": entry.get("address") or entry["network"] or "",
        "about": [(what, names.get(key, key)) for what, key in entry["about"].items() if key],
        "changes": [
            (name, _told(before.get(name)), _told(after.get(name))) for name in {**before, **after}
        ],
    }


def _told(value: object) -> str:
    return "" if value is None else str(value)
