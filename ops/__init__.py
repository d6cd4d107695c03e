"""Command line, private database, processes."""
