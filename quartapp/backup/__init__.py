"""Backups of the whole database: their form, their seal, how they are made and restored."""
