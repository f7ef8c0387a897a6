"""The command ``quartapp demo``: a whole roll call on a real server and a real database."""
