"""Compare two versions of an instance: elements, items, frames and fragments."""
