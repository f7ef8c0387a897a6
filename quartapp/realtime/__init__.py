"""The live half of the core: one WebSocket route, the events on it, and the hub behind it."""
