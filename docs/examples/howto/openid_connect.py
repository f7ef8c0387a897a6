"""Sign-on by OpenID Connect: an identity provider verifies people."""

import base64
import hashlib
import secrets
from typing import Annotated
from urllib.parse import urlencode

import httpx
import jwt
from pydantic import BaseModel, SecretStr, StringConstraints
from quart import Blueprint, after_this_request, request
from quart.wrappers import Response

from quartapp import (
    PUBLIC,
    Body,
    DomainError,
    Identity,
    InvalidSealError,
    Operation,
    Refusal,
    SignInUnavailableError,
    core,
    hookimpl,
    left_out,
    see_other,
)
from quartapp_auth import AccountDisabledError, IdentityRefusedError, UserService

PURPOSE = "openid connect"
COOKIE = "quartapp_sign_on"
SECONDS = 600
REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
WHY = "it leads to the identity provider and back, which generated requests cannot follow"

blueprint = Blueprint("openid_connect", __name__, url_prefix="/sign-on")


class OpenIdSettings(BaseModel):
    """``[plugins.openid]``."""

    issuer: str = "https://id.school.example"
    client_id: str = "attendance"
    client_secret: SecretStr = SecretStr("")
    teachers: str = "teachers"  # the group of all teachers
    landing: str = "/docs"  # the page after the sign-on


class SignOnRefusedError(DomainError):
    """The error for a callback that does not prove the person's identity."""


class Callback(Body):
    """The parameters that the provider sends back with the browser."""

    state: Annotated[str, StringConstraints(max_length=200)]
    code: Annotated[str, StringConstraints(max_length=2000)] = left_out()


class SignOn:
    """The client of the identity provider."""

    def __init__(self, settings, signed):
        self._settings = settings
        self._signed = signed
        self._found = None
        self._keys = {}

    def open(self):
        self._http = httpx.AsyncClient(timeout=5)

    async def close(self):
        await self._http.aclose()

    async def begin(self, redirect_uri):
        """Return the address for the browser, and the sealed text for its cookie."""
        kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        digest = hashlib.sha256(kept["verifier"].encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid email profile",
            "state": kept["state"],
            "nonce": kept["nonce"],
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        provider = await self._provider()
        address = f"{provider['authorization_endpoint']}?{urlencode(asked)}"
        return address, self._signed.seal(PURPOSE, kept, SECONDS)

    async def finish(self, callback, sealed, redirect_uri):
        """Return the identity of the person who came back."""
        try:
            kept = self._signed.open(PURPOSE, sealed)
        except InvalidSealError as error:
            raise SignOnRefusedError(str(error)) from error
        if not secrets.compare_digest(callback.state.encode(), kept["state"].encode()):
            raise SignOnRefusedError("the state is another one")
        if callback.code is None:
            raise SignOnRefusedError("the provider has let nobody in")
        provider = await self._provider()
        form = {
            "grant_type": "authorization_code",
            "code": callback.code,
            "redirect_uri": redirect_uri,
            "code_verifier": kept["verifier"],
        }
        us = (self._settings.client_id, self._settings.client_secret.get_secret_value())
        answer = await self._asked("POST", provider["token_endpoint"], data=form, auth=us)
        return self._identity(await self._claims(answer.get("id_token", ""), provider, kept))

    async def _claims(self, token, provider, kept):
        try:
            claims = jwt.decode(
                token,
                await self._key(jwt.get_unverified_header(token).get("kid"), provider),
                algorithms=["RS256"],  # and never what the token itself asks for
                issuer=self._settings.issuer,
                audience=self._settings.client_id,
                options={"require": REQUIRED},
            )
        except jwt.PyJWTError as error:
            raise SignOnRefusedError(f"the ID token does not hold: {error}") from error
        if not secrets.compare_digest(str(claims["nonce"]).encode(), kept["nonce"].encode()):
            raise SignOnRefusedError("the ID token is of another sign-on")
        return claims

    def _identity(self, claims):
        teaches = self._settings.teachers in claims.get("groups", ())
        return Identity(
            issuer=claims["iss"],
            subject=claims["sub"],
            email=claims.get("email"),
            email_verified=claims.get("email_verified") is True,
            name=claims.get("name"),
            role="teacher" if teaches else "student",
        )

    async def _key(self, kid, provider):
        if kid not in self._keys:  # the first one, or the provider has new ones
            found = jwt.PyJWKSet.from_dict(await self._asked("GET", provider["jwks_uri"]))
            self._keys = {key.key_id: key for key in found.keys}
        if kid not in self._keys:
            raise SignOnRefusedError("the ID token is signed with a key that nobody knows")
        return self._keys[kid]

    async def _provider(self):
        if self._found is None:
            address = f"{self._settings.issuer}/.well-known/openid-configuration"
            found = await self._asked("GET", address)
            if found["issuer"] != self._settings.issuer:
                raise SignOnRefusedError("the provider says that it is another one")
            self._found = found
        return self._found

    async def _asked(self, method, url, **more):
        try:
            answer = await self._http.request(method, url, **more)
            if answer.is_server_error:
                answer.raise_for_status()
            if not answer.is_success:
                raise SignOnRefusedError(f"the provider answers {answer.status_code}")
            return answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise SignInUnavailableError(f"the provider does not answer: {error}") from error


def _sign_on():
    return core().services.get(SignOn)


def _redirect_uri():
    return f"{request.host_url}sign-on/callback"


def _keep(response, sealed, seconds):
    """Let the browser keep ``sealed`` for the way back, and send it nowhere else."""
    response.set_cookie(
        COOKIE,
        sealed,
        max_age=seconds,
        path="/sign-on",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


async def _forget(response):
    _keep(response, "", 0)
    return response


SHARED = {
    "access": PUBLIC,
    "tags": ("sign-on",),
    "page": True,
    "status": 303,
    "key": None,
    "data": str,
    "fuzz": False,
    "why": WHY,
}


@blueprint.get("")
@Operation(id="signOn", **SHARED)
async def begin():
    """Send the browser to the identity provider."""
    address, sealed = await _sign_on().begin(_redirect_uri())
    response = Response("", 303, {"Location": address}, mimetype="text/html")
    _keep(response, sealed, SECONDS)
    return response


@blueprint.get("/callback")
@Operation(
    id="finishSignOn",
    redirects=True,
    query=Callback,
    invalid=Refusal(400, "Sign-on failed"),
    errors={
        SignOnRefusedError: Refusal(400, "Sign-on failed"),
        IdentityRefusedError: Refusal(403, "Forbidden, no account for this identity"),
        AccountDisabledError: Refusal(403, "Forbidden, account is disabled"),
    },
    **SHARED,
)
async def finish(query):
    """Sign in whom the identity provider vouches for."""
    after_this_request(_forget)
    sealed = request.cookies.get(COOKIE, "")
    identity = await _sign_on().finish(query, sealed, _redirect_uri())
    users = core().services.get(UserService)
    user = await users.sign_in(identity)
    response = see_other(core().services.get(OpenIdSettings).landing)
    core().cookies.sign_in(response, await users.issue_token(user))
    return response


class OpenIdPlugin:
    """Signs people in by an OpenID Connect provider."""

    name = "openid"
    requires = ("auth",)

    @hookimpl
    def register_settings(self):
        return OpenIdSettings

    @hookimpl
    def register_services(self, app):
        parts = core(app)
        self.sign_on = SignOn(parts.services.get(OpenIdSettings), parts.signed)
        parts.services.add(self.sign_on)

    @hookimpl
    def register_blueprints(self):
        return [blueprint]

    @hookimpl
    async def startup(self):
        self.sign_on.open()

    @hookimpl
    async def shutdown(self):
        await self.sign_on.close()
