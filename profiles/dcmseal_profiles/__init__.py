"""Digital Signature Profiles of PS3.15 Annex C: data tables and pure functions."""
