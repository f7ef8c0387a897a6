"""The accounts: the people, their store, who finds them, and their other identities."""
