"""Offers what the kernel does and Python does not: processes, descriptors, cgroups."""
