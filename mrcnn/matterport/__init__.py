"""Code that only matterport's interface needs: graphs, batches, and inspection of the network."""
