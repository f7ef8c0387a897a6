"""Mistakes that a server could have, each a patch, and the command that plants them."""
