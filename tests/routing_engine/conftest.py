"""Puts this folder on the path: `drawn_networks` and `oracle` serve the tests of `network` and of `dispatch`."""
