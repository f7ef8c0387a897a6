"""The HTTP side of the contract: a table of requests and answers, and a fuzz of every operation."""
