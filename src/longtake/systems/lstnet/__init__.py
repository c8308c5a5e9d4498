"""LSTNet: what changed since the first frame, and what moved since the last."""
