"""A plugin for dcmseal made by somebody else."""
