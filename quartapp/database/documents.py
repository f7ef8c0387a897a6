"""The type of documents as PyMongo reads and writes them."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]
"""A document of MongoDB, with values of the types of BSON."""
