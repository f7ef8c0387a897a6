"""The OpenAPI document of an app: made, normalised, compared."""
