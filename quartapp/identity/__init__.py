"""Identity: principals, tokens, roles, grants and the access that routes require."""
