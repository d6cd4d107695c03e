"""What the second contact of an agency reads when nobody has answered yet, in both languages.

Agencies of a ministry or the state (`agency.is_vertical`) cannot be ordered by the city: their text informs and asks.
"""

from __future__ import annotations

CITY = {
    "id": "{number} ({name}): belum diterima meja {agency} setelah {waited}. "
    "Terima sekarang, atau tolak dengan alasan.",
    "en": "{number} ({name}): not accepted by the {agency} desk after {waited}. Accept now, or decline with a reason.",
}
VERTICAL = {
    "id": "{number} ({name}): untuk diketahui, belum ada kabar dari {agency} setelah {waited}. "
    "Mohon kabar bila sudah ditangani.",
    "en": "{number} ({name}): for information, no word from {agency} after {waited}. "
    "Please let us know when it is being handled.",
}
UNITS = {
    "id": ((86_400, "hari"), (3_600, "jam"), (60, "menit"), (1, "detik")),
    "en": ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")),
}


def waited(seconds: float, language: str) -> str:
    """Return a duration in its largest whole unit; under two minutes in seconds, as the ladder is written."""
    whole = max(0, round(seconds))
    for size, word in UNITS[language]:
        if whole >= (120 if size == 60 else size):
            return f"{whole // size} {word}"
    return f"0 {UNITS[language][-1][1]}"


def second_contact(
    *, number: str, names: dict[str, str], agencies: dict[str, str], is_vertical: bool, waited_s: float
) -> dict[str, str]:
    """Return the text by language.

    Parameters
    ----------
    names, agencies
        Name of the incident type and of the agency by language (``id``, ``en``).
    waited_s
        Seconds since the agency was first told.
    """
    return {
        language: template.format(
            number=number, name=names[language], agency=agencies[language], waited=waited(waited_s, language)
        )
        for language, template in (VERTICAL if is_vertical else CITY).items()
    }
