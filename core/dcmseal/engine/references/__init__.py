"""The evidence that a report or a selection of key objects cites, and whether it is still what was cited."""
