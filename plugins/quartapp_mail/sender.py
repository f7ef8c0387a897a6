"""An attempt to hand a mail to the mail server."""

from __future__ import annotations

import asyncio
import ssl
from email.headerregistry import Address
from typing import TYPE_CHECKING

import certifi
from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from quartapp_mail.errors import NotSentError
from quartapp_mail.pauses import not_delivered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from email.message import EmailMessage

    from quartapp_mail.settings import MailSettings

# Longest wait for each answer of the mail server, in seconds.
ANSWER_SECONDS = 15.0
# Longest time to be let in by the mail server, and then to hand over the mail, in seconds. With the
# good-bye, both end before the 120 seconds that a delivery may take.
HALF_SECONDS = 45.0


class Sender:
    """Hands mails to a mail server, each on a connection of its own.

    The certificate of the server has to be right, and STARTTLS is never left out.

    Args:
        settings: Settings of the mail server.
    """

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings
        self._trust: ssl.SSLContext | None = None

    def load(self) -> None:
        """Load the trusted authorities: the usual ones, and those of this machine."""
        context = ssl.create_default_context(cafile=certifi.where())
        context.load_default_certs()
        self._trust = context

    async def send(
        self,
        to: str,
        message: Callable[[], Awaitable[EmailMessage]],
        attempts: int,
        about: Mapping[str, str],
    ) -> None:
        """Send a mail once.

        Args:
            to: Address of the recipient.
            message: Function that returns the mail. It is called when the mail server has let us
                in, so a server that is down makes no code.
            attempts: Number of attempts that have failed.
            about: What the mail is about, for a list of deliveries that were given up: ids, and
                never names or addresses.

        Raises:
            NotDeliveredError: The mail server did not take the mail. Without ``again_in``, the mail
                is given up.
        """
        try:
            await self._hand_over(to, message)
        except NotSentError as error:
            raise not_delivered(str(error), attempts, about, for_good=error.for_good) from error

    async def _hand_over(self, to: str, message: Callable[[], Awaitable[EmailMessage]]) -> None:
        try:
            Address(addr_spec=to)
        except ValueError as error:
            # An account may have an address that fits our pattern, and no header of a mail.
            raise NotSentError("the address is none for a mail", for_good=True) from error
        settings = self._settings
        client = SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user or None,
            password=settings.password or None,
            # The name of this machine may be none that a mail server likes.
            local_hostname=settings.mail_from.rpartition("@")[2],
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
            tls_context=self._trust,
            timeout=ANSWER_SECONDS,
        )
        try:
            async with asyncio.timeout(HALF_SECONDS):
                await client.connect()
            async with client, asyncio.timeout(HALF_SECONDS):
                await client.send_message(
                    await message(), sender=settings.mail_from, recipients=[to]
                )
        except SMTPRecipientsRefused as error:
            refusal = error.recipients[0]
            raise _refused(to, refusal, for_good=_is_permanent(refusal)) from error
        except SMTPDataError as error:
            raise _refused(to, error, for_good=_is_permanent(error)) from error
        except SMTPResponseException as error:
            # The server refuses us or the sender: the operator can change that.
            raise _refused(to, error, for_good=False) from error
        except (SMTPException, OSError) as error:
            reason = str(error) or type(error).__name__
            raise NotSentError(f"the mail server failed: {reason}", for_good=False) from error


def _is_permanent(error: SMTPResponseException) -> bool:
    return 500 <= error.code < 600


def _refused(to: str, error: SMTPResponseException, *, for_good: bool) -> NotSentError:
    # Neither the log nor a list of dead entries needs somebody's address.
    said = error.message.replace(to, "<recipient>")
    return NotSentError(f"the mail server answered {error.code} {said}", for_good=for_good)
