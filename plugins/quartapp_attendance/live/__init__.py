"""The live session: its log in MongoDB, and the projection of it in each process."""
