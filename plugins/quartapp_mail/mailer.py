"""Mail that other plugins send to people who have no account, as text alone."""

from __future__ import annotations

from dataclasses import dataclass
from email.headerregistry import Address
from typing import TYPE_CHECKING

from quartapp_mail.message import mail_message, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import EmailMessage

    from quartapp import Clock
    from quartapp_mail.sender import Sender
    from quartapp_mail.settings import MailSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail to one person.

    Attributes:
        id: Id of the letter, from which the ``Message-ID`` is made: a letter that is delivered a
            second time has the same one.
        to: Address of the recipient.
        name: Name of the recipient; empty for none.
        subject: Subject; line ends in it become spaces.
        text: Text of the mail.
        language: Language of the text by RFC 5646, such as ``de``.
    """

    id: str
    to: str
    name: str
    subject: str
    text: str
    language: str = "en"


class Mailer:
    """Sends mail to people who have no account; a service where a mail server is set.

    :class:`~quartapp_auth.Letters` are for accounts.

    Call it in ``deliver``, so that the outbox repeats what failed.

    Args:
        settings: Settings of the mail.
        sender: Sender of mails.
        clock: Clock that dates mails.
    """

    def __init__(self, settings: MailSettings, sender: Sender, clock: Clock) -> None:
        self._settings = settings
        self._sender = sender
        self._clock = clock

    async def send(self, letter: Letter, attempts: int, about: Mapping[str, str]) -> None:
        """Send a letter once.

        Args:
            letter: The letter.
            attempts: Number of attempts that have failed.
            about: What the letter is about, for a list of deliveries that were given up: ids, and
                never names or addresses.

        Raises:
            NotDeliveredError: The mail server did not take the letter. Without ``again_in``, the
                letter is given up.
        """

        async def message() -> EmailMessage:
            made = mail_message(
                self._settings,
                Address(one_line(letter.name), addr_spec=letter.to),
                letter.subject,
                letter.text,
                self._clock.now(),
                letter.id,
            )
            made["Content-Language"] = letter.language
            return made

        await self._sender.send(letter.to, message, attempts, about)
