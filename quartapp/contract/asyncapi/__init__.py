"""The AsyncAPI document of an app: made and compared."""
