"""Files of this machine as outputs: whole or not at all, on disk, and never in the place of something else."""
