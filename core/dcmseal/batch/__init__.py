"""Runs over many files: find inputs, process them in worker processes, and return a result for each."""
