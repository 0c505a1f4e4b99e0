"""Offers the DRMAA2 API: sessions, jobs, arrays, monitoring, events, ``run``, ``submit``."""
