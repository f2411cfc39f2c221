"""What differs between two states of an instance: element by element, item by item, frame by frame."""
