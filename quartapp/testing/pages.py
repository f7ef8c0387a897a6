"""A browser without a screen: it asks for pages, sends forms, and keeps cookies."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from quartapp.identity.cookies import NAME


class Page:
    """A browser on one server. Redirects are answers, which :meth:`follow` follows.

    Args:
        url: The server's address, without a path.
        token: Of the person who is signed in, by the session cookie; None for nobody.
        seconds: Deadline of a request.

    Attributes:
        client: The client itself, of the ``httpx`` library, with its ``cookies``.
    """

    def __init__(self, url: str, token: str | None, seconds: float) -> None:
        # No proxy of the environment: what is tested is on this machine.
        self.client = httpx.AsyncClient(
            base_url=url,
            headers={"Accept": "text/html"},
            timeout=seconds,
            trust_env=False,
        )
        if token is not None:
            # For this host, as the server sets it, so that signing out clears it.
            self.client.cookies.set(NAME, token, domain=urlsplit(url).hostname or "")
        # What browsers tell of a form that the server's own page has.
        self._own = {"Origin": url, "Sec-Fetch-Site": "same-origin"}

    async def get(self, path: str) -> httpx.Response:
        """Ask for the page at ``path``."""
        return await self.client.get(path)

    async def submit(self, path: str, /, **fields: object) -> httpx.Response:
        """Send a form of the server's own page, URL-encoded.

        Args:
            path: What the form names as its ``action``.
            fields: Values of the fields; a list sends its field once for each value.
        """
        return await self.client.post(path, data=fields, headers=self._own)

    async def follow(self, answer: httpx.Response) -> httpx.Response:
        """Ask for the page that a redirect leads to.

        Raises:
            AssertionError: The answer is no redirect.
        """
        assert answer.next_request is not None, f"{answer.status_code} {answer.text}"  # noqa: S101 - in tests
        return await self.get(str(answer.next_request.url))

    async def close(self) -> None:
        """Close the browser's connections."""
        await self.client.aclose()
