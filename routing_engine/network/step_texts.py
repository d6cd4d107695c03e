"""Steps in words, Indonesian and English."""

from __future__ import annotations

from routing_engine.network.steps import Kind, Modifier, Step

_POINTS = (
    ("utara", "north"), ("timur laut", "north-east"), ("timur", "east"), ("tenggara", "south-east"),
    ("selatan", "south"), ("barat daya", "south-west"), ("barat", "west"), ("barat laut", "north-west"),
)  # fmt: skip

_TURNS: dict[Modifier, tuple[str, str]] = {
    Modifier.STRAIGHT: ("Lurus", "Go straight"),
    Modifier.SLIGHT_LEFT: ("Serong kiri", "Bear left"),
    Modifier.LEFT: ("Belok kiri", "Turn left"),
    Modifier.SHARP_LEFT: ("Belok tajam ke kiri", "Turn sharp left"),
    Modifier.SLIGHT_RIGHT: ("Serong kanan", "Bear right"),
    Modifier.RIGHT: ("Belok kanan", "Turn right"),
    Modifier.SHARP_RIGHT: ("Belok tajam ke kanan", "Turn sharp right"),
}
_SIDES: dict[Modifier, tuple[str, str]] = {Modifier.LEFT: ("kiri", "left"), Modifier.RIGHT: ("kanan", "right")}


def compass(bearing: float, language: str) -> str:
    """Return the point of the compass nearest to degrees from north."""
    return _POINTS[round(bearing / 45.0) % 8][language == "en"]


def step_text(step: Step, language: str) -> str:
    """Return a step as one sentence in `language` (`en`, else Indonesian)."""
    return _english(step) if language == "en" else _indonesian(step)


def _indonesian(step: Step) -> str:
    street = step.street or (f"jalan {step.ref}" if step.ref else None)
    to = f" ke {street}" if street else ""
    if step.kind == Kind.DEPART:
        return f"Berangkat ke arah {compass(step.bearing, 'id')}" + (f" di {street}" if street else "")
    if step.kind == Kind.ARRIVE:
        return "Tiba di tujuan" + (f", di sisi {_SIDES[step.modifier][0]}" if step.modifier else "")
    if step.kind == Kind.ROUNDABOUT:
        if step.exit is None:
            return "Masuk bundaran"
        return f"Di bundaran, ambil jalan keluar ke-{step.exit}{to}"
    if step.kind == Kind.CONTINUE:
        return f"Lanjut ke {street}" if street else "Lanjut"
    stay = f", tetap di {street}" if step.keeps_street else to
    if step.kind == Kind.U_TURN:
        return f"Putar balik ke {_SIDES[step.modifier][0] if step.modifier else 'kanan'}{stay}"
    return _TURNS[step.modifier or Modifier.STRAIGHT][0] + stay


def _english(step: Step) -> str:
    street = step.street or (f"road {step.ref}" if step.ref else None)
    onto = f" onto {street}" if street else ""
    if step.kind == Kind.DEPART:
        return f"Head {compass(step.bearing, 'en')}" + (f" on {street}" if street else "")
    if step.kind == Kind.ARRIVE:
        return "Arrive at the destination" + (f", on the {_SIDES[step.modifier][1]}" if step.modifier else "")
    if step.kind == Kind.ROUNDABOUT:
        return "Enter the roundabout" if step.exit is None else f"At the roundabout, take exit {step.exit}{onto}"
    if step.kind == Kind.CONTINUE:
        return f"Continue onto {street}" if street else "Continue"
    stay = f" to stay on {street}" if step.keeps_street else onto
    if step.kind == Kind.U_TURN:
        return f"Make a U-turn to the {_SIDES[step.modifier][1] if step.modifier else 'right'}{stay}"
    return _TURNS[step.modifier or Modifier.STRAIGHT][1] + stay
