"""Live sessions: their log in MongoDB, and each process's projection of the log."""
