"""What only matterport's interface needs: graphs, batches, and looks into the network."""
