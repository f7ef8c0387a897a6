"""The files that settings are read from."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from quartapp.errors import QuartappError

TOML_FILE = "quartapp.toml"
ENV_FILE = ".env"


class SettingsFileError(QuartappError):
    """The error for an unreadable quartapp.toml or an invalid setting."""


def read_toml(path: Path | None = None) -> dict[str, Any]:
    """Read the settings file; return an empty dict when the file does not exist.

    Args:
        path: The file; None stands for ``quartapp.toml`` in the working directory.

    Raises:
        SettingsFileError: The file cannot be read or is not valid TOML.
    """
    path = path or Path(TOML_FILE)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsFileError(f"{path} cannot be read: {error}") from error
