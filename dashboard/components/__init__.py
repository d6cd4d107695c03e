"""The live map and what is drawn on it."""
