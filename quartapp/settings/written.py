"""The text of a settings file in which each setting is explained."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

from pydantic import BaseModel

from quartapp.settings.core import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic.fields import FieldInfo

RECOMMENDED = "recommended"
"""Key in a field's ``json_schema_extra``: the value for a server that many people use."""

_WIDTH = 98
_HEAD = """\
# Settings of quartapp. A line without # in front is in force; the others show the default, or an
# example where there is no default. Environment variables and the command line override this file.
# Secrets are in the file .env beside this one.
"""
# The list of plugins has a name of its own in the file, and secrets are in another file.
_ELSEWHERE = frozenset({"plugins", "jwt_secret", "jwt_secret_old", "metrics_token"})


def settings_text(plugins: Iterable[tuple[str, type[BaseModel]]]) -> str:
    """Return the text of ``quartapp.toml`` with all settings; the recommended are in force.

    Args:
        plugins: The settings model of each plugin that has settings, by the plugin's name.
    """
    own = {name: f for name, f in Settings.model_fields.items() if name not in _ELSEWHERE}
    parts = [_HEAD, *_explained(own)]
    for name, model in plugins:
        parts += [f"[plugins.{name}]\n", *_explained(model.model_fields)]
    return "\n".join(parts)


def _explained(fields: dict[str, FieldInfo]) -> list[str]:
    return [_lines(name, field) for name, field in fields.items()]


def _lines(name: str, field: FieldInfo) -> str:
    text = (field.description or "").replace("`", "")
    lines = [f"# {line}" for line in textwrap.wrap(text, _WIDTH)]
    extra = field.json_schema_extra
    if isinstance(extra, dict) and RECOMMENDED in extra:
        lines.append(f"{name} = {_toml(extra[RECOMMENDED])}")
    else:
        default = field.get_default()
        # What no value stands for is better shown by an example.
        shown = next(iter(field.examples or ()), default)
        lines.append(f"# {name} = {_toml(shown)}")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple | frozenset):
        ordered = sorted(value) if isinstance(value, frozenset) else value
        return "[" + ", ".join(map(_toml, ordered)) + "]"
    # TOML writes texts, numbers and truth values as JSON does.
    return json.dumps(value, ensure_ascii=False, default=str)
