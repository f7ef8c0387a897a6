"""Base classes of the models of requests and answers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """Base of request models; unknown fields are ignored, since clients may be newer."""

    # Errors are logged, and the input may be a password.
    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)


class Closed(BaseModel):
    """Base of answer models, which have no other fields than those of the model."""

    model_config = ConfigDict(extra="forbid")
