"""People sign in with the school's passwords, and pages with the school's single sign-on."""

import jwt
from pydantic import BaseModel, SecretStr

from quartapp import CredentialsRefusedError, Identity, Principal, core, hookimpl

ISSUER = "https://sso.school.example"


class SchoolSettings(BaseModel):
    """``[plugins.school]``."""

    domain: str = "school.example"
    sso_key: SecretStr = SecretStr("")


class SchoolPlugin:
    """Asks a directory for passwords, and believes the tokens of a sign-on service."""

    name = "school"
    requires = ("auth",)

    def __init__(self, directory):
        self._directory = directory  # an object with `await bind(email, password)`

    @hookimpl
    def register_settings(self):
        return SchoolSettings

    @hookimpl
    def startup(self, app):
        self._settings = core(app).services.get(SchoolSettings)
        self._database = core(app).database

    @hookimpl
    async def verify_credentials(self, email, password):
        if not email.endswith(f"@{self._settings.domain}"):
            return None  # not ours to say: the local password decides
        entry = await self._directory.bind(email, password)
        if entry is None:
            raise CredentialsRefusedError
        return Identity(email, entry["name"], entry["role"])

    @hookimpl
    async def authenticate(self, connection):
        token = connection.headers.get("X-School-Token")
        if token is None:
            return None
        key = self._settings.sso_key.get_secret_value()
        try:
            claims = jwt.decode(token, key, algorithms=["HS256"], issuer=ISSUER)
        except jwt.InvalidTokenError as error:
            raise CredentialsRefusedError(str(error)) from error
        async with self._database.operation():
            user = await self._database.documents["users"].find_one({"email": claims["email"]})
        if user is None:
            raise CredentialsRefusedError("has no account here yet")
        return Principal(str(user["_id"]), user["role"], claims["exp"])
