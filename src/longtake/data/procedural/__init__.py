"""Training clips that are drawn, not filmed: textured bodies that move, bend and hide each other, masks exact.

Everything follows from the generator that is passed in. `draw_scene` is the entry.
"""

from longtake.data.procedural.cast import Chances
from longtake.data.procedural.scene import draw_scene

__all__ = ["Chances", "draw_scene"]
