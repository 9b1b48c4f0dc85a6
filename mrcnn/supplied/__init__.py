"""Names that packages have lost, given back to old programs."""
