"""DDMemory: a transformer over all objects at once, and three memories whose size never grows."""
