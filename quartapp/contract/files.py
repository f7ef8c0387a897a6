"""The files of the contract: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import yaml

from quartapp.errors import QuartappError

PACKAGE = Path(__file__).parent.parent
CHECKOUT = PACKAGE.parent


def openapi_file() -> Path:
    """Find openapi.yaml.

    Raises:
        QuartappError: The installation lacks the file.
    """
    return _found("openapi.yaml", CHECKOUT / "openapi.yaml")


def asyncapi_file() -> Path:
    """Find asyncapi.yaml.

    Raises:
        QuartappError: The installation lacks the file.
    """
    return _found("asyncapi.yaml", CHECKOUT / "contracts" / "asyncapi.yaml")


def read_document(path: Path) -> dict[str, Any]:
    """Read the document in a YAML or JSON file.

    Args:
        path: The file.

    Raises:
        QuartappError: The file cannot be read, does not parse, or holds no object.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe one
    except (OSError, UnicodeDecodeError) as error:
        raise QuartappError(f"{path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise QuartappError(f"{path} does not parse: {_explained(error)}") from error
    if not isinstance(document, dict):
        raise QuartappError(f"{path} does not parse: there is no object in it")
    return cast("dict[str, Any]", document)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # ten times as fast, and not everywhere
    """A loader for JSON's types alone: the time in an example stays a string."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _explained(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())


def _found(name: str, in_checkout: Path) -> Path:
    packed = PACKAGE / "_contracts" / name
    for path in (packed, in_checkout):
        if path.is_file():
            return path
    raise QuartappError(f"this installation of quartapp has no {name}; it comes with the wheel")
