"""The journal of a run over many files: completed work survives whenever the run is killed."""
