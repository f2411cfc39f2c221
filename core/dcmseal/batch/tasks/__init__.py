"""Tasks of a run over many files: verify, sign, plan and list."""
