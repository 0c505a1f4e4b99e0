"""A job from its turn to its exit."""
