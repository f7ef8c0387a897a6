"""The contract suite: tests that run against any server."""
