"""What the contract tests share: a server to talk to, and people who have accounts on it."""
