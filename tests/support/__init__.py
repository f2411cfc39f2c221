"""What the tests share: a second encoder as oracle, a writer of odd data sets, throw-away keys, and DCMTK."""
