"""The HTTP contract: what the running app declares, and whether openapi.yaml says the same."""

from quartapp.contract.openapi.document import openapi_document, register_documents
from quartapp.http.routes import Route, register_routes, routes

__all__ = ["Route", "openapi_document", "register_documents", "register_routes", "routes"]
