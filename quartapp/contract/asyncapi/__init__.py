"""The AsyncAPI document of an app: generation and comparison."""
