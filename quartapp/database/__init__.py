"""MongoDB: the connection, reads that go together, and the lease of a standalone server."""
