"""Masks of one frame from what is quicker to give than a mask: boxes, points, scribbles."""
