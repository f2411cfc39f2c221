"""The two sequences of the Digital Signatures Macro (PS3.3 Table C.12-6): found, read, written, edited."""
