"""The WebSocket side of the contract: rows for single frames, and a fuzz against a model."""
