"""Batches on a Dask cluster: files are verified, signed and listed by its workers."""
