"""Groups of vehicles that traffic signs tell apart: one bit each in the access columns of the road tables."""

from __future__ import annotations

CAR = 1
MOTORCYCLE = 2
EMERGENCY = 4
EVERY = CAR | MOTORCYCLE | EMERGENCY

# Vehicle profile → its group.
GROUP_OF = {"car": CAR, "motorcycle": MOTORCYCLE, "ambulance": EMERGENCY, "fire_engine": EMERGENCY}
