"""DMN-AOA: crops of past frames form a memory per object, and proposals are aligned to what is read from it."""
