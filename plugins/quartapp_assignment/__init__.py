"""An earlier form of the API at the root path, with the same services and data."""
