"""Statuses of an institution's own, in addition to present and absent, and a grace period."""
