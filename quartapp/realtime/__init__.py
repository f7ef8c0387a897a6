"""Real-time messages: the WebSocket route, its events, and the hub that sends to many sockets."""
