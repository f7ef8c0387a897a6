"""An earlier form of the API, at the root, over the same services and the same data."""
