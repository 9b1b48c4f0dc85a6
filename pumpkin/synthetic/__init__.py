"""Procedural pumpkin scenes with true instance masks, in the folder layout of the downloader.

``python -m pumpkin.synthetic --out DIR --train 200 --val 40 --seed 7`` writes the same bytes on every run,
whatever the number of workers. Modules, from the inside out: noise, color; view, solids, lighting; stems,
pumpkins, lookalikes; grounds, backdrops; layout, camera, scene; folder, sheet.
"""

from pumpkin.synthetic.folder import SyntheticError, generate, scene_seed
from pumpkin.synthetic.scene import Scene, render_scene
from pumpkin.synthetic.sheet import contact_sheet

__all__ = ["Scene", "SyntheticError", "contact_sheet", "generate", "render_scene", "scene_seed"]
