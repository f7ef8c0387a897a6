"""The two documents: what they promise, and what a server may add."""
