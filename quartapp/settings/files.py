"""The files that settings come from."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from quartapp.errors import QuartappError

TOML_FILE = "quartapp.toml"
ENV_FILE = ".env"


class SettingsFileError(QuartappError):
    """quartapp.toml cannot be read, or a setting has a value that cannot be."""


def read_toml(path: Path | None = None) -> dict[str, Any]:
    """quartapp.toml of the working directory; empty when there is none.

    Raises:
        SettingsFileError: It is no TOML.
    """
    path = path or Path(TOML_FILE)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsFileError(f"{path} cannot be read: {error}") from error
