"""The contract, to run against any server."""
