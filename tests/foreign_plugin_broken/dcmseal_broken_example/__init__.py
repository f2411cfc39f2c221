"""Plugins for dcmseal that go wrong."""
