"""Credentials: which passwords are good enough, and how people change or get them."""
