"""The settings in force: the value of each, and the place that it comes from."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import AliasChoices
from pydantic_settings import BaseSettings, DotEnvSettingsSource

from quartapp.settings.core import _prefix
from quartapp.settings.files import ENV_FILE, TOML_FILE, read_toml
from quartapp.settings.of_plugins import _plugin_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

DEFAULT = "default"
ENVIRONMENT = "environment"
GIVEN = "command line"
"""The command line, or what the server has made for itself at its start."""
HIDDEN = "********"

_SECRET = re.compile(r"secret|password|token|credential|key|salt|dsn", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """A setting of the process.

    Attributes:
        owner: Name of the plugin that declares the setting; empty for quartapp itself.
        name: Name of the setting, as in ``quartapp.toml``.
        value: The value as JSON, such as ``"class"`` or ``30``; asterisks for a secret that is set.
        origin: Where the value comes from: ``environment``, ``.env``, ``quartapp.toml``, ``command
            line``, or ``default``.
        description: What the setting is for, in English.
    """

    owner: str
    name: str
    value: str
    origin: str
    description: str


class SettingsInForce:
    """The settings of quartapp and of its plugins, as they were when the app was made.

    Args:
        models: The settings, by the name of their plugin; those of quartapp itself have no name.

    Attributes:
        all: The settings, those of quartapp itself first.
    """

    def __init__(self, models: Mapping[str, BaseModel]) -> None:
        document = read_toml()
        tables = {**_plugin_tables(document), "": document}
        dotenv = DotEnvSettingsSource(BaseSettings, env_file=ENV_FILE)
        places = [
            (ENVIRONMENT, {name.upper() for name in os.environ}),
            (ENV_FILE, {name.upper() for name in dotenv.env_vars}),
        ]
        self.all = tuple(
            SettingInForce(
                owner,
                name,
                _value(name, shown[name]),
                _origin(owner, name, model, places, tables.get(owner, {})),
                " ".join((field.description or "").replace("`", "").split()),
            )
            for owner, model in models.items()
            for shown in [model.model_dump(mode="json")]
            for name, field in type(model).model_fields.items()
        )


def _origin(
    owner: str,
    name: str,
    model: BaseModel,
    places: Iterable[tuple[str, set[str]]],
    table: Mapping[str, Any],
) -> str:
    if name not in model.model_fields_set:
        return DEFAULT
    declared = type(model).model_fields[name]
    variables = _variables(owner, name, declared)
    for place, names in places:
        if variables & names:
            return place
    if any(key.upper() in variables or key == name for key in table):
        return TOML_FILE
    return (
        DEFAULT
        if getattr(model, name) == declared.get_default(call_default_factory=True)
        else GIVEN
    )


def _variables(owner: str, name: str, declared: FieldInfo) -> set[str]:
    if isinstance(declared.validation_alias, AliasChoices):
        return {str(choice).upper() for choice in declared.validation_alias.choices}
    return {f"{_prefix(owner) if owner else 'QUARTAPP_'}{name.upper()}"}


def _value(name: str, value: object) -> str:
    if _SECRET.search(name) and isinstance(value, str) and value:
        return HIDDEN
    return json.dumps(_without_secrets(value), ensure_ascii=False)


def _without_secrets(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: HIDDEN if one and _SECRET.search(str(name)) else _without_secrets(one)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(one) for one in value]
    if isinstance(value, str) and "://" in value:
        return _address(value)
    return value


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        return HIDDEN
    # Credentials are before the host; queries carry tokens, and so do paths of webhooks.
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}" if parts.path in {"", "/"} else f"{parts.scheme}://{host}/..."
