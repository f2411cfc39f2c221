"""The journal of a run over many files: what is done stays done, whenever the run dies."""
