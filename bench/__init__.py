"""Benchmarks: small clients that measure a running server. They are not part of the tests."""
