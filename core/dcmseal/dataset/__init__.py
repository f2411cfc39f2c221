"""Data Sets as bytes: find their Data Elements, and change some without touching the rest."""
