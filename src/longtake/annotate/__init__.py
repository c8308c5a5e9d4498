"""The annotation page: masks of videos, given and corrected in a browser."""
