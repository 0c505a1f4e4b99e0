"""Is the detached process that starts jobs, waits for them and records how they end."""
