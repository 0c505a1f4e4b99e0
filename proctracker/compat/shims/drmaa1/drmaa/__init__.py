"""``import drmaa`` answered by proctracker."""

from _proctracker_answers import answer

answer("drmaa", "proctracker.compat.drmaa1", ("const", "errors", "helpers", "session", "version", "wrappers"))
