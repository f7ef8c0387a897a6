"""The live roll call, and the record of it."""
