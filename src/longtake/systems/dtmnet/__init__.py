"""DTMNet: a graph over the last frames for the short term, one recurrent vector per object for the long."""
