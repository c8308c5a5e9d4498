"""What a data set is made of: its statistics, its attributes, and pictures of both."""
