"""The HTTP door: the API for programs, the gate and log-in for people, tiles, and the app that carries the pages."""
