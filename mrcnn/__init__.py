"""Mask R-CNN on Keras 3, under the names of matterport's library."""
