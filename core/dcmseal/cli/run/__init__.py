"""Running commands over files and archives."""
