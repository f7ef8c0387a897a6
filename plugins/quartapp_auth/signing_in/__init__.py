"""Signing in and out: passwords, limits on guessing, and which tokens are still good."""
