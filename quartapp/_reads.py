"""Reads by ``_id`` that go together: while one is under way, those that come wait for the next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from quartapp.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from pymongo.asynchronous.collection import AsyncCollection

    Document = dict[str, Any]
    Waiting = dict[object, list[asyncio.Future[Document | None]]]


class JointReads:
    """Documents of one collection, by ``_id``.

    What is answered was read after it was asked for. A driver's command costs more than what it
    brings; so many requests at once are a few commands.

    Args:
        collection: Where the documents are.
        operation: What each command is run in.
        timeout: Seconds that an answer may take.
    """

    def __init__(
        self,
        collection: AsyncCollection[Document],
        operation: Callable[[], AbstractAsyncContextManager[None]],
        timeout: float,
    ) -> None:
        self._collection = collection
        self._operation = operation
        self._timeout = timeout
        self._waiting: Waiting = {}
        self._reading: asyncio.Task[None] | None = None

    async def get(self, key: object) -> Document | None:
        """The document with that ``_id``; not to be changed, others may have it too.

        Raises:
            DatabaseUnavailableError: MongoDB did not answer in time.
        """
        found: asyncio.Future[Document | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(found)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all())
        try:
            # The wait for the read before counts as well.
            async with asyncio.timeout(self._timeout):
                return await found
        except TimeoutError as error:
            raise DatabaseUnavailableError("no answer in time") from error

    async def _read_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, {}
                try:
                    documents = await self._read(list(batch))
                except Exception as error:  # noqa: BLE001 - everybody who waits gets it, and handles it
                    for found in _unanswered(batch, *batch):
                        found.set_exception(error)
                    continue
                for key in batch:
                    for found in _unanswered(batch, key):
                        found.set_result(documents.get(key))
        finally:
            self._reading = None

    async def _read(self, keys: list[object]) -> dict[object, Document]:
        async with self._operation():
            if len(keys) == 1:
                document = await self._collection.find_one({"_id": keys[0]})
                return {} if document is None else {keys[0]: document}
            found = self._collection.find({"_id": {"$in": keys}}, batch_size=len(keys))
            return {document["_id"]: document for document in await found.to_list()}


def _unanswered(batch: Waiting, *keys: object) -> list[asyncio.Future[Document | None]]:
    return [found for key in keys for found in batch[key] if not found.done()]
