"""The HTTP side: signing in, requests that are tried again, lists, and a few named requests."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import TYPE_CHECKING, Any, Self

import httpx

from quartapp_client.errors import ApiError, UnreachableError
from quartapp_client.pauses import LONGEST_SECONDS, Pauses
from quartapp_client.roll_call import RollCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from quartapp_client.roll_call import Decide

API = "/api/v1"
UNAUTHORIZED = 401
NOT_FOUND = 404
UNAVAILABLE = 503
RUNNING = "idempotency-key-running"
# Another token is fetched when less than a fifth of the token's life is left, and a minute at most.
SHARE, MARGIN_SECONDS = 5, 60.0


class Client:
    """A person's client of one server. Use it in ``async with``.

    A token that ends is replaced by signing in again. Requests that failed on the way are sent
    again, ``attempts`` times at most: reads, and everything that takes an ``Idempotency-Key``.

    Args:
        url: Address of the server, such as ``https://attendance.school.example``.
        email: The person's address, or username.
        password: The person's password in clear text, which the client keeps to sign in again.
        attempts: How often a request is sent at most.
        longest_pause: Longest pause before another try, in seconds.
        timeout: Time limit of a request, in seconds.
        trust_env: Whether proxies and certificates of the environment are used.
        clock: Tells the time, in seconds since 1970.
    """

    def __init__(
        self,
        url: str,
        *,
        email: str,
        password: str,
        attempts: int = 8,
        longest_pause: float = LONGEST_SECONDS,
        timeout: float = 30.0,
        trust_env: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.url = url.rstrip("/")
        self.trust_env = trust_env
        self.longest_pause = longest_pause
        self._credentials = {"email": email, "password": password}
        self._attempts = attempts
        self._token = ""
        self._renew_at = 0.0
        self._clock = clock
        self._http = httpx.AsyncClient(base_url=self.url, timeout=timeout, trust_env=trust_env)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def token(self, *, fresh: bool = False) -> str:
        """Return a token that is valid for a while.

        Args:
            fresh: Whether to sign in again in any case.

        Raises:
            ApiError: The server refused the credentials.
            UnreachableError: The server did not answer.
        """
        if fresh or self.seconds_to_renewal <= 0:
            signed_in = await self._sent("POST", "/auth/login", {"json": self._credentials}, True)
            self._token = str(signed_in.json()["data"]["token"])
            self._renew_at = _renewal(self._token, self._clock())
        return self._token

    @property
    def seconds_to_renewal(self) -> float:
        """Time until the token should be replaced, in seconds; 0 or less if at once."""
        return self._renew_at - self._clock()

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Send a request, and return ``data`` of its answer, or the answer itself without one.

        Args:
            method: HTTP method.
            path: Path below ``/api/v1``, such as ``/class``, with its query.
            body: JSON body; None for none.
            key: ``Idempotency-Key``, for operations that take one: the request then takes effect
                once, however often it is sent.
            headers: Further headers, such as ``If-Match``.

        Raises:
            ApiError: The server refused the request.
            UnreachableError: The server did not answer, however often it was asked.
        """
        answer = await self._authorized(method, path, body, key, headers)
        if not answer.content:
            return None
        found = answer.json()
        return found.get("data", found) if isinstance(found, dict) else found

    async def entries(self, path: str) -> AsyncIterator[Any]:
        """Yield the entries of a list, page by page.

        Args:
            path: Path below ``/api/v1``, such as ``/admin/people?role=teacher``.

        Raises:
            ApiError: The server refused the request.
            UnreachableError: The server did not answer.
        """
        following: str | None = path
        while following is not None:
            answer = await self._authorized("GET", following, None, None, None)
            for entry in answer.json()["data"]:
                yield entry
            named = answer.links.get("next", {}).get("url")
            following = named.removeprefix(API) if named else None

    async def me(self) -> dict[str, Any]:
        """Return the account of the person."""
        found: dict[str, Any] = await self.request("GET", "/auth/me")
        return found

    async def classes(self) -> list[dict[str, Any]]:
        """Return the classes that the person teaches, or is enrolled in."""
        found: list[dict[str, Any]] = await self.request("GET", "/class")
        return found

    async def create_class(self, name: str) -> dict[str, Any]:
        """Make a class, once even if the answer gets lost, and return it.

        Args:
            name: Name of the class.
        """
        body, key = {"className": name}, uuid.uuid4().hex
        made: dict[str, Any] = await self.request("POST", "/class/create-class", body, key=key)
        return made

    async def add_student(self, class_id: str, student_id: str) -> None:
        """Put a student on the roll of a class.

        Args:
            class_id: ``_id`` of the class.
            student_id: ``_id`` of the student.
        """
        path, key = f"/class/{class_id}/add-student", uuid.uuid4().hex
        await self.request("POST", path, {"studentId": student_id}, key=key)

    async def start(self, class_id: str) -> dict[str, Any]:
        """Start the session of a class; a session that is live goes on.

        Args:
            class_id: ``_id`` of the class.
        """
        body, key = {"classId": class_id}, uuid.uuid4().hex
        begun: dict[str, Any] = await self.request("POST", "/attendance/start", body, key=key)
        return begun

    async def session(self, class_id: str) -> dict[str, Any] | None:
        """Return the live session of a class with its marks and its ``seq``; None without one.

        Args:
            class_id: ``_id`` of the class.
        """
        try:
            found: dict[str, Any] = await self.request(
                "GET", f"/attendance/session?classId={class_id}"
            )
        except ApiError as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return found

    def roll_call(self, class_id: str, *, on_conflict: Decide | None = None) -> RollCall:
        """Return the roll call of a class, to be used in ``async with``.

        Args:
            class_id: ``_id`` of the class.
            on_conflict: Decides whether a mark overwrites that of somebody else; None never.
        """
        return RollCall(self, class_id, on_conflict=on_conflict)

    async def _authorized(
        self,
        method: str,
        path: str,
        body: object,
        key: str | None,
        headers: dict[str, str] | None,
    ) -> httpx.Response:
        given: dict[str, Any] = {} if body is None else {"json": body}
        sent = {**(headers or {}), **({} if key is None else {"Idempotency-Key": key})}
        repeatable = method in ("GET", "HEAD") or key is not None

        async def try_it(*, fresh: bool) -> httpx.Response:
            token = await self.token(fresh=fresh)
            all_headers = {**sent, "Authorization": f"Bearer {token}"}
            return await self._sent(method, path, {**given, "headers": all_headers}, repeatable)

        try:
            return await try_it(fresh=False)
        except ApiError as error:
            if error.status != UNAUTHORIZED:
                raise
            return await try_it(fresh=True)

    async def _sent(
        self, method: str, path: str, given: dict[str, Any], repeatable: bool
    ) -> httpx.Response:
        pauses = Pauses(self.longest_pause)
        for left in reversed(range(self._attempts if repeatable else 1)):
            wait, reason = 0.0, ""
            try:
                answer = await self._http.request(method, API + path, **given)
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
            else:
                if answer.is_success:
                    return answer
                refusal = ApiError(answer.status_code, _json(answer))
                is_passing = refusal.status == UNAVAILABLE or refusal.code == RUNNING
                if not (is_passing and left):
                    raise refusal
                wait = float(answer.headers.get("Retry-After", 0))
            if left:
                await pauses.pause(min(wait, self.longest_pause))
        raise UnreachableError(f"{self.url} does not answer: {reason}")


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _renewal(token: str, now: float) -> float:
    """Return when a token should be replaced, in seconds since 1970."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    end = float(claims["exp"])
    return end - min((end - now) / SHARE, MARGIN_SECONDS)
