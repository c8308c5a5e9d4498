"""The command line: one small module per command, each a thin face of a plain function."""
