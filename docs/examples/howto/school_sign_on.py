"""People sign in with the school's passwords, and pages use the school's single sign-on."""

import jwt
from pydantic import BaseModel, SecretStr

from quartapp import (
    CredentialsRefusedError,
    Identity,
    Principal,
    SignInUnavailableError,
    core,
    hookimpl,
)
from quartapp_auth import UserService

ISSUER = "https://sso.school.example"
DIRECTORY = "ldap://directory.school.example"


class SchoolSettings(BaseModel):
    """``[plugins.school]``."""

    domain: str = "school.example"
    sso_key: SecretStr = SecretStr("")


class SchoolPlugin:
    """Asks a directory about passwords, and accepts the tokens of a sign-on service."""

    name = "school"
    requires = ("auth",)

    def __init__(self, directory):
        # An object with `await bind(email, password)` and `await find(uid)`, whose answer is an
        # entry or None; both raise OSError where the directory is out of reach.
        self._directory = directory

    @hookimpl
    def register_settings(self):
        return SchoolSettings

    @hookimpl
    def register_services(self, app):
        self._settings = core(app).services.get(SchoolSettings)
        self._users = core(app).services.get(UserService)

    @hookimpl
    async def verify_credentials(self, email, password):
        if not email.endswith(f"@{self._settings.domain}"):
            return None  # not an address of the school: the local password decides
        return await self._asked(self._directory.bind(email, password))

    @hookimpl
    async def refresh_account(self, principal):
        user = await self._users.get(principal.id)
        if user.issuer != DIRECTORY:
            return None  # a token of another system, or no token
        return await self._asked(self._directory.find(user.subject))

    @hookimpl
    async def authenticate(self, connection):
        token = connection.headers.get("X-School-Token")
        if token is None:
            return None
        key = self._settings.sso_key.get_secret_value()
        try:
            claims = jwt.decode(token, key, algorithms=["HS256"], issuer=ISSUER)
            user = await self._users.by_subject(DIRECTORY, claims["uid"])
        except (jwt.InvalidTokenError, KeyError) as error:
            raise CredentialsRefusedError(str(error)) from error
        if user is None:
            raise CredentialsRefusedError("has no account here yet")
        return Principal(str(user.id), user.role, claims["exp"])

    async def _asked(self, question):
        try:
            entry = await question
        except OSError as error:
            raise SignInUnavailableError(f"the directory is out of reach: {error}") from error
        if entry is None:
            raise CredentialsRefusedError
        return Identity(
            issuer=DIRECTORY,
            subject=entry["uid"],
            email=entry["mail"],
            email_verified=True,  # the school gives the addresses
            name=entry["name"],
            role=entry["role"],
            groups=frozenset(entry["groups"]),
        )
