"""Pages for browsers: sign-in, and the pages of teachers and students."""
