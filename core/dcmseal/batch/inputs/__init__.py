"""Inputs of a run over many files: files, folders, DICOMDIR file-sets, patterns, lists and storage objects."""
