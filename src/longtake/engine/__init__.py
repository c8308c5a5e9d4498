"""One transition, `step`, and its callers; knows the contract of a system and no system."""
