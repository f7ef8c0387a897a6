"""What administrators do with the accounts of other people."""
