"""Training: losses, optimiser and schedule, the loop, and the recipes that ship with longtake."""
