"""What is wrong with a video, masks, a checkpoint or the installation: every problem at once."""
