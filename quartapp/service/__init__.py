"""What the core itself offers: service routes, documentation pages, the socket, renewal of tokens."""
