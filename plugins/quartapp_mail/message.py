"""The text of the mail with a one-time code."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from quartapp_auth import OneTimeCode, User
    from quartapp_mail.settings import MailSettings

SUBJECT = "Set a new password"


def reset_message(
    user: User, to: str, code: OneTimeCode, settings: MailSettings, now: datetime, by: str | None
) -> EmailMessage:
    """Return the mail that tells a person a one-time code.

    Args:
        user: The account.
        to: Address of the account.
        code: The code.
        settings: Settings with the sender's address and the page.
        now: The present time, in UTC.
        by: Name of the administrator who asked for the code; None where somebody asked who knows
            the address.
    """
    # A stranger may have registered the address with a name that is an advertisement. Only a name
    # that somebody stands for is mailed.
    name = _one_line(user.display_name) if user.vouched else ""
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.mail_from
    message["To"] = Address(name, addr_spec=to)
    message["Subject"] = SUBJECT
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2])
    # Nobody's automatic answer is of use (RFC 3834, section 5).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_text(name, to, code, settings, by), charset="utf-8")
    return message


def _text(name: str, to: str, code: OneTimeCode, settings: MailSettings, by: str | None) -> str:
    asked = (
        f"{_one_line(by)}, who administers the accounts, asked for a code with which you set a "
        f"new password for the account {to}."
        if by is not None
        else f"Somebody asked for a new password for the account {to}. If that was not you, do "
        "nothing: your password stays as it is."
    )
    return f"""\
Hello{f" {name}" if name else ""},

{asked}

Open this page to set a password:

{settings.reset_page}#code={code.text}

The code is {code.text}.
It works once, until {code.expires_at:%Y-%m-%d %H:%M} UTC, and a newer code ends it.
Tell nobody the code.
"""


def _one_line(text: str) -> str:
    """Return a text without line ends and control characters, which could end a header."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(plain.split())
