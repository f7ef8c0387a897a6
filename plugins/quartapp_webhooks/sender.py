"""An attempt to deliver a message: an HTTP request to a checked address."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

import certifi
import httpx

from quartapp import __version__
from quartapp_webhooks.addresses import AddressRefusedError, checked_addresses
from quartapp_webhooks.signature import signed_headers

if TYPE_CHECKING:
    from quartapp import Clock
    from quartapp_webhooks.addresses import Resolve
    from quartapp_webhooks.settings import Endpoint, WebhooksSettings

# Answers are read so that the connection can be used again; reading a longer answer is not worth
# that.
MOST_ANSWER_BYTES = 64 * 1024
MOST_ADDRESSES = 3
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt.

    Attributes:
        problem: Reason of the failure; None when the receiver accepted the message.
        wait_seconds: Pause that the receiver asks for, in seconds; 0 for none.
        gone: Whether the receiver wants no message any more.
    """

    problem: str | None = None
    wait_seconds: float = 0.0
    gone: bool = False


class Sender:
    """The sender of messages to one endpoint.

    Requests go to the address that was checked: the name is not resolved again, no redirect is
    followed, and no proxy from the environment is used.

    Args:
        endpoint: The endpoint.
        settings: Settings with the timeouts and the allowed addresses.
        resolve: Function that returns the addresses of a host.
        trust: Trusted certificate authorities, for https.
        clock: Clock that limits and dates an attempt.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        settings: WebhooksSettings,
        resolve: Resolve,
        trust: ssl.SSLContext,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._resolve = resolve
        self._keys = endpoint.keys
        self._url = httpx.URL(endpoint.url)
        self._host = self._url.raw_host.decode("ascii")
        # The code below limits the whole attempt; this timeout limits the share of one address that
        # does not answer.
        self._timeout = httpx.Timeout(None, connect=settings.timeout_seconds / 2).as_dict()
        # A transport of its own: connections are pooled by address, and two names at one address
        # must not share a connection. No client: httpx's client logs every address with its query.
        self._transport = httpx.AsyncHTTPTransport(
            verify=trust,
            trust_env=False,
            limits=httpx.Limits(max_connections=settings.per_endpoint),
        )

    async def send(self, message_id: str, body: bytes) -> Outcome:
        """Send a message once.

        Args:
            message_id: Id of the message, the same at every attempt.
            body: JSON text of the message.
        """
        outcome: Outcome | None = None
        try:
            async with self._clock.timeout(self._settings.timeout_seconds):
                for request in await self._requests(message_id, body):
                    try:
                        response = await self._transport.handle_async_request(request)
                    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                        outcome = Outcome(f"cannot connect: {_words(error)}")
                        continue
                    try:
                        outcome = _judged(response)
                        await _read(response)
                    finally:
                        await response.aclose()
                    break
        except TimeoutError:
            # The first line of the answer decides, however slowly the rest arrives.
            outcome = outcome or Outcome(f"no answer in {self._settings.timeout_seconds:g} s")
        except AddressRefusedError as error:
            outcome = Outcome(str(error))
        except OSError as error:
            outcome = Outcome(f"{self._host} cannot be resolved: {_words(error)}")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            outcome = outcome or Outcome(_words(error))
        return outcome or Outcome("no address to send to")

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _requests(self, message_id: str, body: bytes) -> list[httpx.Request]:
        addresses = await checked_addresses(
            self._resolve,
            self._host,
            self._url.port or _PORTS[self._url.scheme],
            allow_private=self._settings.allow_private,
        )
        headers = {
            "host": self._url.netloc.decode("ascii"),
            "accept": "*/*",
            "content-type": "application/json",
            "user-agent": f"quartapp-webhooks/{__version__}",
            **signed_headers(self._keys, message_id, int(self._clock.time()), body),
        }
        return [
            httpx.Request(
                "POST",
                self._url.copy_with(host=address),
                content=body,
                headers=headers,
                # The certificate must be for the name, not for the address.
                extensions={"sni_hostname": self._host, "timeout": self._timeout},
            )
            for address in addresses[:MOST_ADDRESSES]
        ]


def trusted() -> ssl.SSLContext:
    """Return the trusted authorities: the usual ones, and those of this machine."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context


def _judged(response: httpx.Response) -> Outcome:
    if response.is_success:
        return Outcome()
    problem = f"answered {response.status_code}"
    if response.is_redirect:
        problem += ", and redirects are not followed"
    wait = 0.0
    if response.status_code in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        # Retry-After with a date is rare; the usual pause follows in that case.
        seconds = response.headers.get("retry-after", "")
        wait = float(seconds) if seconds.isascii() and seconds.isdigit() else 0.0
    return Outcome(problem, wait, gone=response.status_code == HTTPStatus.GONE)


async def _read(response: httpx.Response) -> None:
    size = 0
    # Raw bytes: an answer that unpacks to a gigabyte is not unpacked.
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > MOST_ANSWER_BYTES:
            return


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
