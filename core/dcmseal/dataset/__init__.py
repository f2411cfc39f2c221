"""Data Sets as bytes: where their Data Elements stand, and how to change them without touching the rest."""
