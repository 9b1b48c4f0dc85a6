"""Pages of results: one HTML file each, which needs nothing else and no network."""
