"""Certified timestamps of RFC 3161: queries, authorities reached by HTTP, and tokens read and verified."""
