"""An institution's own statuses beside present and absent, and a grace period."""
