"""Where openapi.yaml is: beside this suite in a checkout, within it in the installed package."""

from __future__ import annotations

from pathlib import Path

SUITE = Path(__file__).parent.parent


def openapi_path() -> Path:
    """openapi.yaml.

    Raises:
        FileNotFoundError: The suite was copied without it.
    """
    for folder in (SUITE, SUITE.parent):
        if (folder / "openapi.yaml").is_file():
            return folder / "openapi.yaml"
    raise FileNotFoundError(f"no openapi.yaml in {SUITE} or above it")
