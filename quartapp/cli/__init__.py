"""The ``quartapp`` command."""
