"""For tests of plugins."""
