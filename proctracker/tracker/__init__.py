"""Offers JobTracker, the ten verbs over one session's jobs of one contact, and what its callers share."""
