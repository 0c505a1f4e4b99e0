"""What starts next."""
