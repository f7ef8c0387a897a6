"""Settings: of the core, of plugins, and the files that they come from."""
