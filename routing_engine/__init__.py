"""Road network, dispatch and planning."""
