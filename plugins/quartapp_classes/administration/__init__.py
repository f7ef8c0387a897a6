"""What administrators do with classes that they do not teach."""
