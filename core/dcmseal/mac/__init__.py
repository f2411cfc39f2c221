"""The MAC: which Data Elements enter it, in which form, and their digest (PS3.3 C.12.1.1.3.1)."""
