"""Compiled inner loops; imported through `routing_engine.network.compiled` alone, because importing compiles them."""
