"""STM: every k-th frame kept as keys and values, read by attention (`model`), and its compact sibling (`compact`)."""
