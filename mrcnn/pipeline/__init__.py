"""From files to batches, in NumPy."""
