"""The OpenAPI document of an app: generation, normal form and comparison."""
