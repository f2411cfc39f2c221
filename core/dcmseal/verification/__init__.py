"""Verify signatures: a list of checks for each level that has signatures."""
