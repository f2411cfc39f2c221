"""The instances that a document cites as evidence, and whether they are unchanged (PS3.3 C.17.2.1)."""
