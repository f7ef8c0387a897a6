"""The answers with the two documents, which are made once in the life of an app."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from quartapp.contract.asyncapi.document import asyncapi_document
from quartapp.contract.files import asyncapi_file, read_document
from quartapp.contract.openapi.served import served_document
from quartapp.service.compressed import Compressed

if TYPE_CHECKING:
    from collections.abc import Callable

    from quart import Quart

    from quartapp.encoding import JsonObject

EXTENSION = "quartapp.documents"
MEDIA_TYPE = "application/json"


class Documents:
    """The documents of one app in the form of answers.

    Args:
        app: The app.
    """

    def __init__(self, app: Quart) -> None:
        self._app = app
        self._lock = asyncio.Lock()
        self._made: dict[str, Compressed] = {}

    async def openapi(self) -> Compressed:
        """Return the OpenAPI document."""
        return await self._of("openapi", served_document)

    async def asyncapi(self) -> Compressed:
        """Return the AsyncAPI document."""
        return await self._of("asyncapi", _asyncapi_with_prose)

    async def _of(self, name: str, make: Callable[[Quart], JsonObject]) -> Compressed:
        # The first request makes the document in a thread, since making it takes a second.
        async with self._lock:
            if name not in self._made:
                self._made[name] = await asyncio.to_thread(self._compressed, make)
            return self._made[name]

    def _compressed(self, make: Callable[[Quart], JsonObject]) -> Compressed:
        text = json.dumps(make(self._app), ensure_ascii=False, separators=(",", ":"))
        return Compressed.of(text.encode(), MEDIA_TYPE)


def _asyncapi_with_prose(app: Quart) -> JsonObject:
    """Return the document of the app's events under the contract's own introduction."""
    written = read_document(asyncapi_file())
    return {**asyncapi_document(app), "id": written["id"], "info": written["info"]}


def documents_of(app: Quart) -> Documents:
    """Return the documents of an app."""
    documents = app.extensions.get(EXTENSION)
    if not isinstance(documents, Documents):
        documents = app.extensions[EXTENSION] = Documents(app)
    return documents
