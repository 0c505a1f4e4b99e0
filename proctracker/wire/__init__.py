"""Where a supervisor is met, and what is spoken there."""
