"""Brings people, classes and rolls from a OneRoster CSV set (1.1 and 1.2)."""
