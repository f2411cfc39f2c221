"""The compiled walker: passes over ordinary Data Elements, and leaves everything else to Python."""
