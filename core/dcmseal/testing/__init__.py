"""Contract suites for authors of plugins, and small data sets to test with."""
