"""Weights files: fetched, read, matched with a network by layer name, and written."""
