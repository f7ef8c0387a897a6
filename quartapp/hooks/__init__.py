"""Hooks: their specifications, their implementations, and the dispatcher that calls them."""
