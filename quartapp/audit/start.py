"""The entries at the start of a server: its version, and the settings that are no defaults."""

from __future__ import annotations

import re
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from quartapp.audit.action import AuditAction, Value
from quartapp.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from quartapp.audit.action import AuditEntry

STARTED = AuditAction("quartapp.started", values=("version",))
"""The start of a process that serves."""

SETTING = AuditAction("quartapp.setting", values=("name", "value"))
"""A setting of the process that has just started, which is no default."""

WITHHELD = "set"
"""What stands for a value that may be a secret, a path, or a text about people."""

_SECRET = re.compile(r"secret|password|token|credential|key|salt|uri|dsn", re.IGNORECASE)
# Words, numbers and hosts. Texts with a blank or an `@` may have names and addresses.
_PLAIN = re.compile(r"[A-Za-z0-9._:*-]{1,100}")


def at_start(settings: Mapping[str, BaseModel]) -> list[AuditEntry]:
    """Return the entries at the start of a server.

    Args:
        settings: The settings, by the name of their plugin; those of the core have no name.
    """
    entries = [STARTED.entry(after={"version": __version__})]
    for owner, model in settings.items():
        for name, field in type(model).model_fields.items():
            value = getattr(model, name)
            if name in model.model_fields_set and value != field.default:
                told = WITHHELD if _SECRET.search(name) else _told(value)
                whole = f"{owner}.{name}" if owner else name
                entries.append(SETTING.entry(after={"name": whole, "value": told}))
    return entries


def _told(value: object) -> Value:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _told(value.value)
    if isinstance(value, int | float | ZoneInfo | IPv4Network | IPv6Network):
        return str(value)
    if isinstance(value, str):
        return _told_text(value)
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(str(_told(one)) for one in value)
    return WITHHELD


def _told_text(text: str) -> str:
    if "://" in text:
        try:
            parts = urlsplit(text)
            # Paths and queries of addresses carry tokens.
            text = f"{parts.scheme}:{parts.hostname or WITHHELD}"
        except ValueError:
            return WITHHELD
    return text if _PLAIN.fullmatch(text) else WITHHELD
