from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from quartapp import core, hookimpl
from quartapp_auth import Letters, ResetMail, Resets, UserService
from quartapp_mail.audited import ACTIONS
from quartapp_mail.mailer import Mailer
from quartapp_mail.models import ResetMailDocument
from quartapp_mail.sender import Sender
from quartapp_mail.service import AT_ONCE, MailService
from quartapp_mail.settings import MailSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel
    from quart import Quart

    from quartapp import Model

log = structlog.get_logger("quartapp.mail")


class MailPlugin:
    """The plugin that mails one-time codes, and what other plugins write to accounts."""

    name = "mail"
    requires = ("auth",)
    audited = ACTIONS

    def __init__(self) -> None:
        self._sender: Sender | None = None
        self._service: MailService | None = None

    @hookimpl
    def register_settings(self) -> type[BaseModel]:
        """Declare the mail server, and what is in the mail."""
        return MailSettings

    @hookimpl
    def register_collections(self) -> list[type[Model]]:
        """Declare the collection of accounts that were mailed a moment ago."""
        return [ResetMailDocument]

    @hookimpl
    def register_services(self, app: Quart) -> None:
        """Provide the mail, if there is a mail server."""
        parts = core(app)
        settings = parts.services.get(MailSettings)
        # Without a mail server, what waits in the outbox waits for one.
        parts.outbox.limit(AT_ONCE if settings.smtp_host else {})
        if not settings.smtp_host:
            return
        self._sender = Sender(settings)
        self._service = MailService(
            settings,
            self._sender,
            parts.services.get(UserService),
            parts.services.get(Resets),
            parts.plugins.changes,
            parts.database,
            parts.clock,
        )
        parts.services.add(self._service, as_=ResetMail)
        parts.services.add(self._service, as_=Letters)
        parts.services.add(Mailer(settings, self._sender, parts.clock))

    @hookimpl
    def register_capabilities(self) -> dict[str, bool]:
        """Tell clients whether people can ask for a code by mail."""
        return {"forgottenPasswords": self._service is not None}

    @hookimpl
    async def startup(self) -> None:
        """Load the authorities that certificates are checked with."""
        if self._sender is None:
            log.warning("no mail server: set smtp_host to send mail")
            return
        await asyncio.to_thread(self._sender.load)

    @hookimpl
    async def deliver(self, kind: str, data: Mapping[str, Any], attempts: int) -> None:
        """Carry out an order to mail a code."""
        if self._service is not None:
            await self._service.deliver(kind, data, attempts)
