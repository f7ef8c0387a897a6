from __future__ import annotations

import hashlib
from typing import Annotated

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic.types import StringConstraints

from quartapp_webhooks.addresses import is_public, literal_address
from quartapp_webhooks.signature import key_of

LONGEST_URL = 2048
KEY_DIGITS = 16
# Delivered messages are remembered for two days; dead ones must not be deleted earlier.
FEWEST_DAYS = 2

EventName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")]


class Endpoint(BaseModel):
    """An endpoint, and the events that it gets.

    ``url``: address with http or https. ``secret``: ``whsec_`` and base64. ``former_secret``: a
    second secret that signs too, while a receiver changes secrets. ``events``: types of events to
    send; all types when left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(min_length=1, max_length=LONGEST_URL)
    secret: SecretStr
    former_secret: SecretStr | None = None
    events: tuple[EventName, ...] | None = None

    @field_validator("url")
    @classmethod
    def _is_plain(cls, text: str) -> str:
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            raise ValueError(f"is no URL: {error}") from None
        if url.scheme not in {"http", "https"} or not url.host:
            raise ValueError("must begin with https:// or http:// and name a host")
        if url.userinfo:
            raise ValueError("must not hold a user name or password; messages are signed instead")
        if url.fragment:
            raise ValueError("must not have a fragment (#): it is never sent")
        return text

    @field_validator("secret", "former_secret")
    @classmethod
    def _is_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            key_of(secret.get_secret_value())
        return secret

    @field_validator("events")
    @classmethod
    def _names_some(cls, events: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if events is not None and not events:
            raise ValueError("names no event; leave it out for all of them")
        return events

    @property
    def key(self) -> str:
        """Key of the endpoint in the database. The URL is hidden, as it may contain a token."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:KEY_DIGITS]

    @property
    def shown_url(self) -> str:
        """The URL without its query."""
        url = httpx.URL(self.url)
        return f"{url.copy_with(query=None)}?…" if url.query else str(url)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Keys that sign the messages."""
        secrets = (self.secret, self.former_secret)
        return tuple(key_of(secret.get_secret_value()) for secret in secrets if secret)

    def wants(self, event_type: str) -> bool:
        """Tell whether the endpoint gets a type of event."""
        return self.events is None or event_type in self.events


class WebhooksSettings(BaseModel):
    """``[plugins.webhooks]``, and ``QUARTAPP_WEBHOOKS_*`` in the environment."""

    model_config = ConfigDict(extra="forbid")

    endpoints: tuple[Endpoint, ...] = Field((), description="Receivers of the messages.")
    allow_private: bool = Field(
        False, description="Whether receivers may have addresses that are not public."
    )
    tries: int = Field(16, ge=1, le=100, description="Attempts until a delivery is dead.")
    timeout_seconds: float = Field(
        10, gt=0, le=60, description="Longest time of an attempt, in seconds."
    )
    pause_seconds: float = Field(
        5,
        gt=0,
        le=3600,
        description="Pause after the first failure, in seconds; it doubles with each failure.",
    )
    longest_pause_seconds: float = Field(
        21_600, gt=0, le=604_800, description="Longest pause between two attempts, in seconds."
    )
    per_endpoint: int = Field(
        1, ge=1, le=20, description="Attempts for one endpoint at once, in one process."
    )
    keep_dead_days: int = Field(
        30,
        ge=FEWEST_DAYS,
        le=3650,
        description="Time for which dead deliveries are kept, in days.",
    )

    @field_validator("endpoints")
    @classmethod
    def _once_each(cls, endpoints: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
        seen = set()
        for endpoint in endpoints:
            if endpoint.url in seen:
                raise ValueError(f"{endpoint.shown_url} is there twice; list its events once")
            seen.add(endpoint.url)
        return endpoints

    @model_validator(mode="after")
    def _are_public(self) -> WebhooksSettings:
        for endpoint in self.endpoints:
            address = literal_address(httpx.URL(endpoint.url).host)
            if address is not None and not self.allow_private and not is_public(address):
                raise ValueError(
                    f"{endpoint.shown_url} is not a public address; "
                    "set allow_private = true to send to your own network"
                )
        return self
