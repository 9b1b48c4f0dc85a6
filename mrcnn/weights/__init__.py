"""Weights files: download, read, match with a network by layer name, and write."""
