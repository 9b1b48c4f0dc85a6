"""The data pipeline: from image and mask arrays to batches, in NumPy and OpenCV."""
