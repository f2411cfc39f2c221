"""Options of the command line: argument groups, and their values parsed."""
