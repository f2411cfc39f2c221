"""Coverage maps: a Data Set walked, its elements set against the signatures that were verified, alike items folded."""
