"""Settings of the core and of plugins, and the files that settings are read from."""
