"""Imports of people, classes and rolls from OneRoster CSV sets (1.1 and 1.2)."""
