"""Benchmarks: small clients that measure a running server. No part of the tests."""
