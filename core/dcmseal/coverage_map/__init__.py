"""Coverage maps: every element of a Data Set, and the signatures that protect it."""
