"""The MAC: the byte stream of the signed Data Elements, and its digest (PS3.3 C.12.1.1.3.1)."""
