"""What may be given as a Data Set: a path, a URL, bytes, a binary stream, or a pydicom Dataset."""
