"""The generated benchmark longtake-synth: long videos that follow from a seed, the same bit for bit on every machine.

All of it is integer arithmetic: no number with a fraction, no library's rounding. `stories` tells what
happens, `film` shows it.
"""

from longtake.data.longsynth.film import film
from longtake.data.longsynth.layout import write_longsynth
from longtake.data.longsynth.story import FRAMES, Story, stories

__all__ = ["FRAMES", "Story", "film", "stories", "write_longsynth"]
