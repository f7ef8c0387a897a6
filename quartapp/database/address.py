"""What a MongoDB connection string says, read without asking the network."""

from __future__ import annotations

from typing import Any

from pymongo.errors import ConfigurationError, InvalidURI
from pymongo.uri_parser import parse_uri

from quartapp.errors import DatabaseConfigurationError


def address_of(uri: str) -> str:
    """Return the hosts and ports of a URI, or the path of a Unix socket.

    Args:
        uri: MongoDB connection string.

    Raises:
        DatabaseConfigurationError: The URI is invalid.
    """
    nodes = _parsed(uri)["nodelist"]
    return ",".join(host if port is None else f"{host}:{port}" for host, port in nodes)


def database_name(uri: str) -> str | None:
    """Return the name of the database in a URI, or None without one.

    Args:
        uri: MongoDB connection string.

    Raises:
        DatabaseConfigurationError: The URI is invalid.
    """
    name: str | None = _parsed(uri)["database"]
    return name


def application_name(uri: str) -> str:
    """Return the name of this client in MongoDB's logs: ``appName`` of the URI, or quartapp.

    Args:
        uri: MongoDB connection string.

    Raises:
        DatabaseConfigurationError: The URI is invalid.
    """
    name: str = _parsed(uri)["options"].get("appname", "quartapp")
    return name


def _parsed(uri: str) -> dict[str, Any]:
    try:
        # The parser would ask the network for an SRV name; the wanted parts are in the text itself.
        plain = uri.replace("mongodb+srv://", "mongodb://", 1)
        return dict(parse_uri(plain, validate=False, warn=False))
    except (ConfigurationError, InvalidURI, ValueError) as error:
        raise DatabaseConfigurationError(f"MONGODB_URI: {error}") from error
