"""Accounts: registration, login, and who I am."""
