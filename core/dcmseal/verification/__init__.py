"""Signatures verified: a list of checks for each level that carries signatures."""
