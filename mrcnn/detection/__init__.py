"""From photographs to detections in their pixels."""
