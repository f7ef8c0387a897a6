"""Mail with one-time codes, for people who have forgotten their passwords."""
