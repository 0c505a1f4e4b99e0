"""What the kernel offers and Python does not: processes, descriptors, control groups, file systems. Knows no job."""
