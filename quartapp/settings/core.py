"""Settings of the core, from command line, environment, ``.env`` and ``quartapp.toml``.

A source that is named earlier here overrides the later ones.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import platformdirs
from pydantic import AliasChoices, Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from typing_extensions import Annotated  # noqa: UP035 - pydantic evaluates it

from quartapp.settings.files import ENV_FILE, TOML_FILE, SettingsFileError, read_toml
from quartapp.settings.reach import is_loopback

MINIMUM_SECRET_BYTES = 32
MINIMUM_METRICS_TOKEN = 16
ANY_ORIGIN = "*"
# What browsers send as `Origin` (RFC 6454, section 6.2): nothing else would ever be equal.
ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")

# What a Content-Security-Policy may name: an origin, or all subdomains of a host.
_ANCESTOR = re.compile(r"https?://(\*\.[a-z0-9.-]+|[a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
# What an Authorization header can carry (RFC 6750, section 2.1).
_METRICS_TOKEN = re.compile(rf"[A-Za-z0-9._~+/-]{{{MINIMUM_METRICS_TOKEN},}}=*")

Names = Annotated[tuple[str, ...], NoDecode]
Proxies = Annotated[int | tuple[IPv4Network | IPv6Network, ...], NoDecode]
Choice = TypeVar("Choice", bound="PluginChoice")


class PluginChoice(BaseSettings):
    """The settings that choose the plugins; the command line needs no others to find commands."""

    model_config = SettingsConfigDict(
        env_prefix="QUARTAPP_",
        env_file=ENV_FILE,
        extra="ignore",
        populate_by_name=True,
    )

    plugins: Names | None = Field(
        None, description="The exact list of plugins; without it, all that are on by default."
    )
    extra_plugins: Names = Field(
        (),
        examples=[["statuses", "webhooks"]],
        description="Plugins to load besides: bundled optional ones are switched on here.",
    )
    trusted_proxies: Proxies = Field(
        0,
        description="Reverse proxies in front, whose X-Forwarded-* or Forwarded are believed: "
        "their networks, such as `127.0.0.1,10.0.7.0/24`, or their number.",
    )
    hook_timeout: float = Field(5.0, gt=0, description="Seconds that a hook may take.")

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _are_proxies(cls, value: object) -> object:
        text = str(value).strip()
        if re.fullmatch(r"[0-9]{1,4}", text):
            return int(text)
        given = _split(value)
        try:
            if not isinstance(given, list | tuple):
                raise TypeError
            return tuple(ip_network(str(one)) for one in given)
        except (TypeError, ValueError):
            raise ValueError(
                "must be networks of proxies such as 127.0.0.1,10.0.7.0/24, or their number"
            ) from None

    @field_validator("plugins", "extra_plugins", mode="before")
    @classmethod
    def _split_plugins(cls, value: object) -> object:
        return _split(value)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources of settings, strongest first."""
        toml = InitSettingsSource(settings_cls, init_kwargs=_core_table(read_toml()))
        return init_settings, env_settings, dotenv_settings, toml


class Settings(PluginChoice):
    """The settings of the core.

    The environment variables ``PORT``, ``MONGODB_URI`` (or ``uri``) and ``JWT_SECRET`` have their
    usual names; all other variables have the prefix ``QUARTAPP_``.
    """

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(
        3000,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("PORT", "port"),
        description="Port to listen on; 0 takes a free one.",
    )
    workers: int = Field(1, ge=1, le=256, description="Processes that serve on the one port.")
    mongodb_uri: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("MONGODB_URI", "uri", "mongodb_uri"),
        examples=["mongodb://localhost:27017/quartapp"],
        description="MongoDB to use. Without one, an embedded mongod is started.",
    )
    database: str = Field(
        "quartapp",
        pattern=r"^[A-Za-z0-9_-]{1,63}$",
        description="Database name, where the URI has none.",
    )
    jwt_secret: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("JWT_SECRET", "jwt_secret"),
        description=f"Key that signs tokens, {MINIMUM_SECRET_BYTES} bytes or more.",
    )
    jwt_secret_old: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("JWT_SECRET_OLD", "jwt_secret_old"),
        description="Further key whose tokens are valid, while keys are exchanged.",
    )
    token_hours: float = Field(
        24.0, gt=0, le=24 * 366, description="Hours that a token is valid for."
    )
    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_path("quartapp", appauthor=False)),
        examples=["/var/lib/quartapp"],
        description="Where the embedded database and its secret live.",
    )
    timezone: ZoneInfo | None = Field(
        None,
        examples=["Europe/Berlin"],
        description="Time zone that decides when a day begins, by its IANA name such as "
        "`Europe/Berlin`. Without one: the machine's.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least level of log lines; `debug` has one for each request."
    )
    strict_messages: bool = Field(
        False,
        description="Whether a refusal fails whose message no plugin declares, as in tests; "
        "else it is logged.",
    )
    metrics: bool = Field(
        True, description="Whether `/metrics` is there, for this machine and `metrics_token`."
    )
    metrics_token: SecretStr | None = Field(
        None,
        description="Bearer token with which other machines may read `/metrics`, "
        f"{MINIMUM_METRICS_TOKEN} characters or more.",
    )
    docs: bool = Field(True, description="Whether the pages `/docs` and `/docs/websocket` exist.")
    allowed_origins: Names | None = Field(
        None,
        examples=[["https://app.example.org"]],
        description="Origins whose pages may open a WebSocket; `*` is any. Without it: any while "
        "listening on loopback, else the server's own.",
    )
    cors_origins: Names = Field(
        (),
        examples=[["https://app.example.org"]],
        description="Origins whose pages may use the API and open a WebSocket, such as "
        "`https://app.example.org`; `*` is any, without cookies.",
    )
    frame_ancestors: Names = Field(
        (),
        examples=[["https://lms.example.org"]],
        description="Origins, such as a learning platform's, whose pages may show ours in a frame.",
    )
    certificate: Path | None = Field(
        None,
        examples=["/etc/quartapp/fullchain.pem"],
        description="File with the TLS certificate and its chain (PEM); needs `key`.",
    )
    key: Path | None = Field(
        None,
        examples=["/etc/quartapp/key.pem"],
        description="File with the certificate's private key (PEM).",
    )
    # The driver takes less than one billion milliseconds.
    database_timeout: float = Field(
        2.0,
        gt=0,
        lt=1_000_000,
        description="Seconds that a database operation may take before a 503.",
    )
    audit_days: int = Field(
        400,
        ge=1,
        le=36_500,
        description="Days that entries of the audit are kept, at the least.",
    )
    websocket_ping_interval: float = Field(
        15.0, gt=0, description="Seconds between pings to each socket."
    )
    websocket_silence: float = Field(
        45.0, gt=0, description="Seconds without a byte from a client until it counts as gone."
    )
    websocket_rate: float = Field(
        200.0, gt=0, description="Frames a second that a socket may send in the long run."
    )
    websocket_burst: int = Field(
        1000, ge=1, description="Frames that a socket may send at once before it is slowed down."
    )
    websocket_compression: bool = Field(
        False,
        description="Whether frames are compressed for clients that offer permessage-deflate.",
    )
    max_sockets: int = Field(10_000, ge=1, description="Sockets that one process holds.")
    max_sockets_per_user: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        examples=[100],
        description="Sockets of one user that all processes of a server hold together. Without it: "
        "20, or 1,000 where everybody may make an account.",
    )
    _embedded: bool = PrivateAttr(default=False)

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded one."""
        return self._embedded

    @property
    def local(self) -> bool:
        """Whether only this machine reaches the server, as no proxy passes on requests either."""
        return is_loopback(self.host) and not self.trusted_proxies

    def on_embedded(self, uri: SecretStr | None, secret: SecretStr | None) -> Settings:
        """Return complete settings, for a server on the embedded database.

        Args:
            uri: URI of the embedded database.
            secret: Key that signs tokens.
        """
        complete = self.model_copy(update={"mongodb_uri": uri, "jwt_secret": secret})
        complete._embedded = True  # noqa: SLF001 - a copy of this object
        return complete

    @field_validator("allowed_origins", "cors_origins", "frame_ancestors", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        return _split(value)

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if ANY_ORIGIN in origins and len(origins) > 1:
            raise ValueError("`*` is any origin, so it stands alone")
        for origin in origins:
            if origin != ANY_ORIGIN and ORIGIN.fullmatch(origin) is None:
                raise ValueError(
                    "each must be an origin: scheme, host, and port where it is not the scheme's "
                    "own, in small letters and without a path, such as https://app.example.org"
                )
        return origins

    @field_validator("frame_ancestors")
    @classmethod
    def _may_frame(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if _ANCESTOR.fullmatch(origin) is None:
                raise ValueError(f"{origin!r} is not an origin such as https://lms.example")
        return origins

    @field_validator("jwt_secret", "jwt_secret_old")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value().encode()) < MINIMUM_SECRET_BYTES:
            raise ValueError(
                f"must be {MINIMUM_SECRET_BYTES} bytes or more; make one with: openssl rand -hex 32"
            )
        return secret

    @field_validator("metrics_token")
    @classmethod
    def _is_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not _METRICS_TOKEN.fullmatch(token.get_secret_value()):
            raise ValueError(
                f"must be {MINIMUM_METRICS_TOKEN} or more letters, digits, `-`, `_`, `.`, `~`, `+` "
                "or `/`; make one with: openssl rand -hex 32"
            )
        return token

    @field_validator("mongodb_uri", "jwt_secret_old", "metrics_token", mode="before")
    @classmethod
    def _blank_is_none(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("timezone", mode="before")
    @classmethod
    def _is_zone(cls, value: object) -> object:
        if value is None or isinstance(value, ZoneInfo):
            return value
        if not str(value).strip():
            return None
        try:
            return ZoneInfo(str(value))
        # An OSError is the answer to a name of a folder of zones, such as `Europe`.
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no IANA name of a time zone, such as Europe/Berlin") from None


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - any field's value
    """Load the settings of this process.

    Args:
        overrides: Values from the command line, by field; None means that the option is missing.

    Raises:
        SettingsFileError: One message that names each bad setting.
    """
    return _read(Settings, **{name: v for name, v in overrides.items() if v is not None})


def load_plugin_choice() -> PluginChoice:
    """Load the settings that choose the plugins, and no others.

    Raises:
        SettingsFileError: One message that names each bad setting.
    """
    return _read(PluginChoice)


def _read(model: type[Choice], **given: Any) -> Choice:  # noqa: ANN401 - any field's value
    try:
        return model(**given)
    except ValidationError as error:
        raise SettingsFileError(explain(error)) from error
    except SettingsError as error:
        raise SettingsFileError(str(error)) from error


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


def _prefix(plugin: str) -> str:
    return f"QUARTAPP_{plugin.upper().replace('-', '_')}_"


def explain(error: ValidationError, prefix: str | None = None) -> str:
    """Describe each bad setting on one line, without its value, which may be secret.

    Args:
        error: Validation error of a settings model.
        prefix: Prefix of the environment variables; None for the settings of the core.
    """
    problems = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        path = [str(part) for part in detail["loc"]]
        name = ".".join(path) if prefix is None else prefix + "_".join(path).upper()
        if prefix is None and path and path[0] in Settings.model_fields:
            alias = Settings.model_fields[path[0]].validation_alias
            name = path[0] if alias else f"QUARTAPP_{path[0].upper()}"
        problems.append(f"{name}: {detail['msg'].removeprefix('Value error, ')}")
    return "; ".join(problems)


def _core_table(document: dict[str, Any]) -> dict[str, Any]:
    """Return the core's settings from a TOML document; ``plugins.enabled`` becomes ``plugins``."""
    core = {name: value for name, value in document.items() if name != "plugins"}
    unknown = sorted(set(core) - set(Settings.model_fields))
    if unknown:
        raise SettingsFileError(
            f"{TOML_FILE}: unknown setting {', '.join(unknown)}; "
            f"known are {', '.join(sorted(Settings.model_fields))}"
        )
    plugins = document.get("plugins", {})
    if isinstance(plugins, list):
        return {**core, "plugins": plugins}
    if "enabled" in plugins:
        return {**core, "plugins": plugins["enabled"]}
    return core
