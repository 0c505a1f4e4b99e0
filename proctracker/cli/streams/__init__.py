"""Output and input of jobs on their way to and from a terminal."""
