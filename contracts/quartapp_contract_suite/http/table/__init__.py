"""Requests, one row each, with the answers that the contract has for them."""
