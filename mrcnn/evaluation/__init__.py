"""Evaluate a model: COCO AP, and the report on instances that overlap."""
