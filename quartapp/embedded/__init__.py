"""The embedded MongoDB: a real mongod that lives and ends with the server."""
