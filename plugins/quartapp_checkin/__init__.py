"""Students check themselves in, with a code that the teacher shows."""
