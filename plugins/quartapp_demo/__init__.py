"""``quartapp demo``: the whole story of a roll call, on a real server and a real database."""
