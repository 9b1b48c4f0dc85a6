"""Procedural pumpkin scenes with exact instance masks, in the same folder layout as a download.

``python -m pumpkin.synthetic --out DIR --train 200 --val 40 --seed 7`` writes the same bytes on every run,
with any number of workers. The modules build on each other in this order: noise, color; view, solids,
lighting; stems, pumpkins, lookalikes; grounds, backdrops; layout, camera, scene; folder, sheet.
"""

from pumpkin.synthetic.folder import SyntheticError, generate, scene_seed
from pumpkin.synthetic.scene import Scene, render_scene
from pumpkin.synthetic.sheet import contact_sheet

__all__ = ["Scene", "SyntheticError", "contact_sheet", "generate", "render_scene", "scene_seed"]
