"""The OpenAPI and AsyncAPI documents: the authority, and the additions that a server may make."""
