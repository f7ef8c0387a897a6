"""What the routes of administrators declare alike."""

from __future__ import annotations

from quartapp import Refusal, permission
from quartapp_auth.administration.administration import MANAGING

ACCESS = permission(MANAGING, role="admin")
TAGS = ("admin",)
INVALID = Refusal(400, "Invalid request schema")
