"""The detached process that starts jobs, waits for them and records how they ended; its keeper, and its clients' side."""
