"""A connection to another system, open while the server runs."""

import httpx

from quartapp import hookimpl


class GradebookPlugin:
    """Opens a client before the first request, and closes it after the last."""

    name = "gradebook"
    client = None

    @hookimpl
    async def startup(self, app):
        self.client = httpx.AsyncClient(base_url="https://grades.example")

    @hookimpl
    async def shutdown(self, app):
        if self.client is not None:
            await self.client.aclose()
