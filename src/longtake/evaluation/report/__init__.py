"""Results for programs (`files`) and for people (`page`)."""
