"""Signed HTTP requests that tell other systems what happened."""
