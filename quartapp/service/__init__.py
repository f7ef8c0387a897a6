"""What the core offers itself: service routes, documentation pages, the socket, `AUTH`."""
