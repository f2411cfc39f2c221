"""Certified timestamps (RFC 3161): requests, timestamp authorities over HTTP, and verification of tokens."""
