"""Layers and heads of the network; network.py wires them."""
