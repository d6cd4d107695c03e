"""Planning: incidents chosen for analysis; coverage, siting and replay build on them."""
