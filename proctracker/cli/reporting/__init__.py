"""What ``report`` tells of jobs, and the page that shows it."""
