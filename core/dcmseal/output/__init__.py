"""Results written whole or not at all: files, streams, pydicom Datasets."""
