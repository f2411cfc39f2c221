"""A signature prepared, planned, made, and attached."""
