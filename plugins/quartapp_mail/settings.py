from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from quartapp import is_loopback
from quartapp_auth import EMAIL

LONGEST_TEXT = 1000
_PRINTED = re.compile(r"[!-~]+")


class MailSettings(BaseModel):
    """``[plugins.mail]``, and ``QUARTAPP_MAIL_*`` in the environment."""

    model_config = ConfigDict(extra="forbid")

    smtp_host: str = Field(
        "",
        max_length=253,
        examples=["smtp.school.example"],
        description="Mail server that takes the mail (SMTP submission). Without it, no mail is "
        "sent.",
    )
    smtp_port: int = Field(
        587, ge=1, le=65535, description="Port of the mail server: 587, with `tls` usually 465."
    )
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="How the connection is encrypted: `starttls` is after the greeting, `tls` is "
        "from the first byte, `none` is not at all and only for a mail server on this machine.",
    )
    smtp_user: str = Field(
        "",
        max_length=LONGEST_TEXT,
        examples=["attendance"],
        description="User who signs in to the mail server. Without it, nobody signs in.",
    )
    smtp_password: SecretStr | None = Field(
        None,
        max_length=LONGEST_TEXT,
        examples=["the password of this user"],
        description="Password of `smtp_user`; better in `.env`, as `QUARTAPP_MAIL_SMTP_PASSWORD`.",
    )
    mail_from: str = Field(
        "",
        examples=["attendance@school.example"],
        description="Address that the mail comes from.",
    )
    reset_page: str = Field(
        "",
        max_length=LONGEST_TEXT,
        examples=["https://attendance.school.example/reset"],
        description="Address of the page on which people set a password; the link in the mail "
        "adds `#code=` and the code.",
    )

    @field_validator("smtp_host")
    @classmethod
    def _is_host(cls, host: str) -> str:
        if host and (_PRINTED.fullmatch(host) is None or "/" in host or "@" in host):
            raise ValueError("must be the name or the address of a host, such as smtp.example.org")
        return host

    @field_validator("mail_from")
    @classmethod
    def _is_address(cls, address: str) -> str:
        if address and re.fullmatch(EMAIL, address) is None:
            raise ValueError("must be an e-mail address, such as attendance@school.example")
        return address

    @field_validator("reset_page")
    @classmethod
    def _is_page(cls, page: str) -> str:
        if page and not _is_safe(page):
            raise ValueError("must be an https:// address without a fragment (#)")
        return page

    @model_validator(mode="after")
    def _fit_together(self) -> MailSettings:
        if not self.smtp_host:
            return self
        missing = [name for name in ("mail_from", "reset_page") if not getattr(self, name)]
        if missing:
            raise ValueError(f"smtp_host needs {' and '.join(missing)}")
        if self.smtp_security == "none" and not is_loopback(self.smtp_host):
            raise ValueError(
                'smtp_security = "none" is for a mail server on this machine, such as localhost; '
                'use "starttls" or "tls"'
            )
        if bool(self.smtp_user) != bool(self.password):
            raise ValueError("smtp_user and smtp_password need each other")
        return self

    @property
    def password(self) -> str:
        """The password of ``smtp_user``; empty without one."""
        return "" if self.smtp_password is None else self.smtp_password.get_secret_value()


def _is_safe(page: str) -> bool:
    try:
        parts = urlsplit(page)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if _PRINTED.fullmatch(page) is None or not host or "#" in page or "@" in parts.netloc:
        return False
    # A code that travels unencrypted is for the first who reads it.
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
