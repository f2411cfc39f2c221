"""Results as text for people: verdicts, plans, tables, progress."""
