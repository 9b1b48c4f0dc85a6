"""Names that packages have removed, supplied to old programs."""
