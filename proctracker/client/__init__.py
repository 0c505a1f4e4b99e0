"""The calling side of a supervisor: find or start one, ask it, wait for it."""
