"""Text for people: verdicts, plans, tables, progress."""
