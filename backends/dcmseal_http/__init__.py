"""HTTP as the backends need it that ask authorities over a network; it is no plugin itself."""
