"""How good a model is: COCO AP, and what becomes of instances that overlap."""
