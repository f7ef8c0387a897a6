"""The audit: who did what, in a chain of entries that nobody changes unseen."""
