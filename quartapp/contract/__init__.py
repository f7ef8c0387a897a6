"""The contract: documents of the running app, and their comparison with the committed files."""

from quartapp.contract.openapi.document import openapi_document, register_documents
from quartapp.http.routes import Route, register_routes, routes

__all__ = ["Route", "openapi_document", "register_documents", "register_routes", "routes"]
