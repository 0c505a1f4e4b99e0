"""Clients' requests, and what clients are told."""
