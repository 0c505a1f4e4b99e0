"""The DRMAA2 API: sessions, jobs, arrays, monitoring, events, and our ``run`` and ``submit``."""
