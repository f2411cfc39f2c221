"""Policies: what a recipient requires of the signatures of a Data Set, and whether they meet it."""
