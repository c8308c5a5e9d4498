"""Many videos: a manifest of them, and who works it off."""
