"""Storages beyond the file system: web servers, and what fsspec reaches."""
