"""Orders to mail a one-time code: how they are stored, and how they are carried out.

Nothing that is stored has a code. An order of somebody who has forgotten the password has the typed
address, whoever that is; what is looked up is looked up after the answer. An order for an account
has its id, and the code is made while the mail server waits for the mail.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from pymongo import ReturnDocument

from quartapp import OutboxEntry
from quartapp_auth import UserNotFoundError
from quartapp_mail.audited import RESET_ASKED, RESET_ORDERED
from quartapp_mail.message import letter_message, reset_message
from quartapp_mail.models import COLLECTION
from quartapp_mail.pauses import not_delivered

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import EmailMessage

    from bson import ObjectId

    from quartapp import Changes, Clock, Database
    from quartapp_auth import Resets, User, UserService, Writer
    from quartapp_mail.sender import Sender
    from quartapp_mail.settings import MailSettings

log = structlog.get_logger("quartapp.mail")

PLUGIN = "mail"
FORGOTTEN = "forgotten"
RESET = "reset"
LETTER = "letter"
# Mails of one process that are sent at once, and requests that are looked at.
AT_ONCE: Mapping[str, int] = {FORGOTTEN: 4, RESET: 4, LETTER: 4}
ONCE_IN = timedelta(minutes=5)


class MailService:
    """Mail with one-time codes, and mail that other plugins write.

    A :class:`~quartapp_auth.ResetMail` and :class:`~quartapp_auth.Letters`.

    Args:
        settings: Settings of the mail.
        sender: Sender of mails.
        users: The service of accounts.
        resets: Maker of one-time codes.
        changes: Store of orders with their entries for the audit.
        database: Database that remembers who was mailed a moment ago.
        clock: Clock that dates mails.
    """

    def __init__(
        self,
        settings: MailSettings,
        sender: Sender,
        users: UserService,
        resets: Resets,
        changes: Changes,
        database: Database,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._sender = sender
        self._users = users
        self._resets = resets
        self._changes = changes
        self._database = database
        self._clock = clock
        self._writers: dict[str, Writer] = {}

    def write(self, kind: str, writer: Writer) -> None:
        """Write the mails of one kind; for ``startup``.

        Args:
            kind: Kind of mail.
            writer: Function that writes a mail.
        """
        self._writers[kind] = writer

    def order(self, kind: str, account: str, data: Mapping[str, Any]) -> tuple[str, OutboxEntry]:
        """Return the order for a mail.

        Args:
            kind: Kind of mail.
            account: ``_id`` of the account.
            data: Data for the writer.
        """
        ordered = {"letter": kind, "account": account, "data": dict(data)}
        return PLUGIN, OutboxEntry(LETTER, None, ordered)

    async def send(self, user: User, by: str) -> None:
        """Mail a one-time code to an account with an address.

        Args:
            user: The account.
            by: ``_id`` of the administrator who asks for the code.
        """
        ordered = [RESET_ORDERED.entry(about={"account": user.id})]
        await self._changes.alone([_reset(user, by)], audited=ordered)

    async def forgotten(self, email: str) -> None:
        """Mail a one-time code to the account with an address, if the account may have one.

        Args:
            email: The address in lower case.
        """
        order = (PLUGIN, OutboxEntry(FORGOTTEN, None, {"email": email}))
        await self._changes.alone([order], audited=[RESET_ASKED.entry()])

    async def deliver(self, kind: str, data: Mapping[str, Any], attempts: int) -> None:
        """Carry out an order.

        Args:
            kind: Kind of the order.
            data: Data of the order.
            attempts: Number of attempts that have failed.

        Raises:
            NotDeliveredError: The mail server did not take the mail.
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        if kind == FORGOTTEN:
            await self._look_up(data["email"])
        elif kind == LETTER:
            await self._send_letter(data, attempts)
        else:
            await self._mail(data["account"], data["by"], attempts)

    async def _look_up(self, email: str) -> None:
        try:
            user = await self._users.by_email(email)
        except UserNotFoundError:
            return
        if not _may_ask(user):
            return
        ordered = [RESET_ORDERED.entry(about={"account": user.id})]
        # One transaction: a process that dies now neither mails twice nor keeps the next mail off.
        await self._changes.together([_reset(user)], lambda: self._claim(user.id), audited=ordered)

    async def _claim(self, account: ObjectId) -> bool | None:
        """Return True; None if the account was mailed a code less than ``ONCE_IN`` ago."""
        now = self._clock.now()
        waits = {"$gt": ["$until", now]}
        until = {"$cond": [waits, "$until", now + ONCE_IN]}
        before = await self._database.documents[COLLECTION].find_one_and_update(
            {"_id": account},
            [{"$set": {"until": until}}],
            upsert=True,
            return_document=ReturnDocument.BEFORE,
        )
        return None if before is not None and before["until"] > now else True

    async def _mail(self, account: str, by: str | None, attempts: int) -> None:
        try:
            user = await self._users.get(account)
        except UserNotFoundError:
            return
        to = user.email
        # The account may have changed since.
        if to is None or (by is None and not _may_ask(user)):
            return
        name = None if by is None else await self._name_of(by)

        async def message() -> EmailMessage:
            code = await self._resets.make(account, mailed_to=to)
            return reset_message(user, to, code, self._settings, self._clock.now(), name)

        try:
            await self._sender.send(to, message, attempts, {"account": account})
        except UserNotFoundError:
            return
        log.info("a one-time code was mailed", account=account)

    async def _send_letter(self, data: Mapping[str, Any], attempts: int) -> None:
        kind, account = data["letter"], data["account"]
        if kind not in self._writers:
            # The plugin may come back.
            raise not_delivered(f"no plugin writes {kind}", attempts, {"account": account})
        try:
            user = await self._users.get(account)
        except UserNotFoundError:
            return
        to = user.email
        if to is None or user.disabled:
            return
        written = await self._writers[kind](account, data["data"])
        if written is None:
            return

        async def message() -> EmailMessage:
            return letter_message(user, to, written, data, self._settings, self._clock.now())

        await self._sender.send(to, message, attempts, {"account": account})
        log.info("a letter was mailed", account=account, kind=kind)

    async def _name_of(self, administrator: str) -> str:
        try:
            return (await self._users.get(administrator)).display_name
        except UserNotFoundError:
            return "An administrator"


def _may_ask(user: User) -> bool:
    """Tell whether a person may set a password with nothing but their mail."""
    # Who comes from another system signs in there, unless an administrator has set a password.
    from_outside = user.issuer is not None or user.sourced_id is not None
    return not user.disabled and (user.password is not None or not from_outside)


def _reset(user: User, by: str | None = None) -> tuple[str, OutboxEntry]:
    return PLUGIN, OutboxEntry(RESET, None, {"account": str(user.id), "by": by})
