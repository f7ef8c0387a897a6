"""Hooks: their specifications, who implements them, and how they are called."""
