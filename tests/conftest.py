pytest_plugins = ["quartapp.testing"]
