"""Files of plugins for browsers, such as stylesheets and scripts of pages.

A file is read at each request, so that a change shows at once. Browsers keep a file and ask whether
it has changed; they do not ask where the name holds a hash of the content.
"""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from quart import Blueprint
from quart.wrappers import Response

from quartapp.errors import PluginError
from quartapp.http.answers import ApiError
from quartapp.http.operation import PageOperation
from quartapp.identity.access import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from quartapp.hooks.static import Static
    from quartapp.plugin import LoadedPlugin

API = "/api/v1"
REVALIDATED = "no-cache"
KEPT = "public, max-age=31536000, immutable"

_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")
_HASHED = re.compile(r".+\.[0-9a-fA-F]{8,}\.[^.]+")
# The machine's own table is left out: a server answers the same everywhere.
_TYPES = mimetypes.MimeTypes()
for _ending, _type in {
    ".avif": "image/avif",
    ".js": "text/javascript",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}.items():
    _TYPES.add_type(_type, _ending)


def static_routes(owner: LoadedPlugin, number: int, static: Static) -> Blueprint:
    """Return the route of one plugin's files.

    Args:
        owner: The plugin.
        number: Position of ``static`` among those of the app; it makes names unique.
        static: The folder and its prefix.

    Raises:
        PluginError: The prefix does not fit, or there is no such folder.
    """
    prefix, folder = static.prefix, Path(static.folder)
    if _PREFIX.fullmatch(prefix) is None:
        raise PluginError(
            f"plugin {owner}: register_static: prefix {prefix!r} has to look like /library/static"
        )
    if f"{prefix}/".startswith(f"{API}/"):
        raise PluginError(
            f"plugin {owner}: register_static: prefix {prefix} lies in {API}, "
            "which is for the API alone"
        )
    if not folder.is_dir():
        raise PluginError(f"plugin {owner}: register_static: there is no folder {folder}")
    name = f"quartapp_static_{number}"
    operation = PageOperation(
        id=name, access=PUBLIC, data=bytes, database=False, policies=False, etag=True
    )
    blueprint = Blueprint(name, __name__)
    blueprint.add_url_rule(f"{prefix}/<path:path>", "file", operation(_view(folder)))
    return blueprint


def _view(folder: Path) -> Callable[[str], Awaitable[Response]]:
    async def file(path: str) -> Response:
        content = await asyncio.to_thread(_read, folder, path)
        if content is None:
            raise ApiError(HTTPStatus.NOT_FOUND, "Not Found")
        name = path.rpartition("/")[2]
        kind, encoding = _TYPES.guess_type(name)
        response = Response(
            content, mimetype=kind if kind and not encoding else "application/octet-stream"
        )
        response.headers["Cache-Control"] = KEPT if _HASHED.fullmatch(name) else REVALIDATED
        return response

    return file


def _read(folder: Path, path: str) -> bytes | None:
    """Return the content of a file, or None where there is none that may be read."""
    try:
        root = Path(os.path.realpath(folder))
        # A link is followed, and may lead to another file of the folder.
        found = Path(os.path.realpath(root / path))
        parts = (*path.split("/"), *found.relative_to(root).parts)
        if any(not part or part.startswith(".") for part in parts) or not found.is_file():
            return None
        return found.read_bytes()
    except (OSError, ValueError):  # outside the folder, too long, not readable, no path at all
        return None
