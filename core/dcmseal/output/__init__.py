"""Output: files that are written completely or not at all, streams and pydicom Datasets."""
