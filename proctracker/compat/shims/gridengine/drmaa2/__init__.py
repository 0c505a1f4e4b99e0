"""``import drmaa2`` answered by proctracker."""

from _proctracker_answers import answer

answer("drmaa2", "proctracker.compat.gridengine", None)
