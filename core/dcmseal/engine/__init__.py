"""Planning, making, verifying, inspecting and removing Digital Signatures."""
