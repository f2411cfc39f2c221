"""Values that are passed around: signatures, findings, reports, coverage, evidence."""
