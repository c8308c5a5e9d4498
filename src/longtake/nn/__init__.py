"""Tensor functions and network parts that several systems share."""
