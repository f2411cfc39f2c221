"""Preparing, planning, making and attaching signatures."""
