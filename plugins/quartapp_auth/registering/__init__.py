"""Registering: who may, and by which invitation."""
