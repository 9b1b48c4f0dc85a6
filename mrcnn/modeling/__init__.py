"""Backbones, layers and heads of the network; network.py connects them."""
