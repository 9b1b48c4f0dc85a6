"""Look into a network: what becomes of an instance, its stages as figures, its weights, and its learning."""
