"""City folders, importers and the generator of demo data."""
