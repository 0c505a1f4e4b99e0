"""Actions on jobs, on request or when their time is over."""
