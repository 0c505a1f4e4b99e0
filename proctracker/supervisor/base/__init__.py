"""What all parts of a supervisor share, and leaves that use no part."""
