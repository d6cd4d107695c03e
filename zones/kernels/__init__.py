"""Compiled inner loops; imported through `zones.compiled` alone, because importing compiles them."""
