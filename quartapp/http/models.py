"""Base classes of the models of requests and answers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """Base of request models. Fields beyond it are ignored, as clients may be newer than us."""

    # What clients send may be a password, and errors are logged.
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class Closed(BaseModel):
    """Base of answer models: nothing but the named fields."""

    model_config = ConfigDict(extra="forbid")
