"""STM as published (`model`), and its compact sibling (`compact`): past frames kept as keys and values."""
