"""Child processes: spawning, reaping, watching, signalling."""
