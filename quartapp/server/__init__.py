"""Serving: listening, Hypercorn, what starts and stops a server."""
