"""Fixtures of the WebSocket side: sockets, and a class with a live session."""

from __future__ import annotations

from quartapp_contract_suite.websocket.lesson import cast, connect, document, lesson

__all__ = ["cast", "connect", "document", "lesson"]
