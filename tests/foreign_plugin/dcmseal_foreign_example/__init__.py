"""An example of a third-party plugin."""
