"""The two sequences of the Digital Signatures Macro: find, read, write and edit them (PS3.3 Table C.12-6)."""
