"""The core's own routes and events: health, metrics, documents, the socket, ``AUTH``."""
