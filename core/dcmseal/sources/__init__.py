"""Inputs that contain a Data Set: paths, URLs, bytes, binary file objects and pydicom Datasets."""
