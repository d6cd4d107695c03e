"""Roads, snapping and travel-time fields; knows no agency."""
