"""Measures of video object segmentation."""
