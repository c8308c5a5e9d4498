"""The published systems, behind one contract (`protocol`), named in one dictionary (`zoo`)."""
