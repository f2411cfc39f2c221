"""Evidence files: what a verdict rests upon, kept so that it can be repeated offline, years later."""
