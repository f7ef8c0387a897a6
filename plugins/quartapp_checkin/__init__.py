"""Check-in by students, with a code that the teacher shows."""
