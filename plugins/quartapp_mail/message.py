"""The texts of mails."""

from __future__ import annotations

import hashlib
import json
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
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
    name = one_line(user.display_name) if user.vouched else ""
    text = _text(name, to, code, settings, by)
    return mail_message(settings, Address(name, addr_spec=to), SUBJECT, text, now)


def letter_message(
    user: User,
    to: str,
    written: tuple[str, str],
    order: Mapping[str, Any],
    settings: MailSettings,
    now: datetime,
) -> EmailMessage:
    """Return a mail that another plugin has written.

    Args:
        user: The account.
        to: Address of the account.
        written: Subject and text.
        order: The order, which gives the mail its ``Message-ID``: a mail that is sent twice,
            because a process died after the first time, can be told to be the same.
        settings: Settings with the sender's address.
        now: The present time, in UTC.
    """
    subject, text = written
    name = one_line(user.display_name) if user.vouched else ""
    told = json.dumps(order, sort_keys=True, default=str).encode()
    message_id = hashlib.sha256(told).hexdigest()[:32]
    return mail_message(settings, Address(name, addr_spec=to), subject, text, now, message_id)


def mail_message(
    settings: MailSettings,
    to: Address,
    subject: str,
    text: str,
    now: datetime,
    message_id: str | None = None,
) -> EmailMessage:
    """Return a mail of text alone.

    Args:
        settings: Settings with the sender's address.
        to: The recipient.
        subject: Subject; line ends in it become spaces.
        text: The text.
        now: The present time, in UTC.
        message_id: Part of the ``Message-ID`` before the domain; None for a new one.
    """
    domain = settings.mail_from.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.mail_from
    message["To"] = to
    message["Subject"] = one_line(subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = (
        make_msgid(domain=domain) if message_id is None else f"<{message_id}@{domain}>"
    )
    # Nobody's automatic answer is of use (RFC 3834, section 5).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, charset="utf-8")
    return message


def _text(name: str, to: str, code: OneTimeCode, settings: MailSettings, by: str | None) -> str:
    asked = (
        f"{one_line(by)}, who administers the accounts, asked for a code with which you set a "
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


def one_line(text: str) -> str:
    """Return a text without line ends and control characters, which could end a header.

    Args:
        text: The text.
    """
    plain = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(plain.split())
