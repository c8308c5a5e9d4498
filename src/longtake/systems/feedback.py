"""What is remembered of a prediction."""

from typing import Literal

Feedback = Literal["soft", "detached", "hard", "truth", "checked", "faulty"]
"""Its probabilities (with or without gradient), one id per pixel, the truth, or the truth for objects lost in it.

checked: an object whose prediction overlaps its true mask by half or less is remembered by the mask (AGSS-VOS's teacher
forcing, which LSTNet takes over); the others by their probabilities. faulty: probabilities with faults, for training.
"""
