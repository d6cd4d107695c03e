"""The sentence that says why an agency is responsible, in Indonesian and English."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from gis.words import Match
from zones.matching import Candidate

MONTHS = {
    "id": ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"],
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
}


def day(moment: datetime, zone: ZoneInfo, language: str) -> str:
    """Return a date as people write it: `1 Jan 2026`."""
    local = moment.astimezone(zone)
    return f"{local.day} {MONTHS[language][local.month - 1]} {local.year}"


def metres(value: float, language: str) -> str:
    """Return a distance with the precision that means something: 12 m, 140 m, 1.8 km (decimal comma in Indonesian)."""
    if value < 10:
        text = f"{value:.1f} m"
    elif value < 1000:
        text = f"{value:.0f} m"
    else:
        text = f"{value / 1000:.1f} km"
    return text.replace(".", ",") if language == "id" else text


def sentence(
    winner: Candidate, *, accuracy_m: float, n_winners: int, rule: str | None, zone: ZoneInfo, language: str
) -> str:
    """Say in one sentence why `winner` is responsible.

    Parameters
    ----------
    n_winners
        How many jurisdictions of this service were chosen together.
    rule
        Code of the SOP rule; `None` for a question without an incident.
    """
    indonesian = language == "id"
    radius = f" (±{metres(accuracy_m, language)})" if accuracy_m > 0 else ""
    since = day(winner.valid_from, zone, language)
    border = metres(winner.border_m, language) if winner.border_m is not None else ""
    share = f"{round((winner.share or 0) * 100)} %"
    if winner.match == Match.COVERS and n_winners == 1:
        because = (
            f"karena titik{radius} berada {border} di dalam batas versi {winner.version} (berlaku {since})"
            if indonesian
            else f"because the point{radius} lies {border} inside boundary version {winner.version} (in force {since})"
        )
    elif winner.match in (Match.COVERS, Match.SHARE):
        among = (
            (f", satu dari {n_winners} wilayah" if indonesian else f", one of {n_winners} areas")
            if n_winners > 1
            else ""
        )
        because = (
            f"karena {share} lingkaran ketidakpastian{radius} berada di dalam batas versi {winner.version}"
            f" (berlaku {since}){among}"
            if indonesian
            else f"because {share} of the uncertainty disc{radius} lies inside boundary version {winner.version}"
            f" (in force {since}){among}"
        )
    elif winner.match == Match.NEAREST:
        because = (
            f"karena titik{radius} di luar semua batas layanan ini dan batas ini yang terdekat, {border}"
            f" (versi {winner.version}, berlaku {since})"
            if indonesian
            else f"because the point{radius} lies outside every boundary of this service and this one is nearest,"
            f" {border} away (version {winner.version}, in force {since})"
        )
    else:
        because = (
            f"karena tidak ada batas layanan ini yang mencakup titik{radius}; berlaku wilayah seluruh kota"
            f" (versi {winner.version}, berlaku {since})"
            if indonesian
            else f"because no boundary of this service covers the point{radius}; the city-wide area applies"
            f" (version {winner.version}, in force {since})"
        )
    cited = f"; {'aturan' if indonesian else 'rule'} {rule}" if rule else ""
    return f"{winner.name}, {because}{cited}."


def place(candidate: Candidate, *, accuracy_m: float, zone: ZoneInfo, language: str) -> str:
    """Say where a point lies to one jurisdiction, whoever the rule would choose; no sentence of its own."""
    indonesian = language == "id"
    radius = f" (±{metres(accuracy_m, language)})" if accuracy_m > 0 else ""
    since = day(candidate.valid_from, zone, language)
    border = metres(candidate.border_m, language) if candidate.border_m is not None else ""
    version = (
        f"versi {candidate.version} (berlaku {since})"
        if indonesian
        else f"version {candidate.version} (in force {since})"
    )
    if candidate.match == Match.COVERS:
        return (
            f"titik{radius} berada {border} di dalam batas {version}"
            if indonesian
            else f"the point{radius} lies {border} inside boundary {version}"
        )
    if candidate.match == Match.SHARE:
        share = f"{round((candidate.share or 0) * 100)} %"
        return (
            f"{share} lingkaran ketidakpastian{radius} berada di dalam batas {version}"
            if indonesian
            else f"{share} of the uncertainty disc{radius} lies inside boundary {version}"
        )
    if candidate.match == Match.CITYWIDE:
        return f"wilayah seluruh kota {version}" if indonesian else f"city-wide area {version}"
    return (
        f"titik{radius} berada {border} di luar batas {version}"
        if indonesian
        else f"the point{radius} lies {border} outside boundary {version}"
    )


def by_hand(
    candidate: Candidate, *, by_role: str, reason: str, accuracy_m: float, rule: str, zone: ZoneInfo, language: str
) -> str:
    """Say that a person appointed `candidate`, in which role, and why."""
    where = place(candidate, accuracy_m=accuracy_m, zone=zone, language=language)
    said = reason.rstrip(". ")
    if language == "id":
        return f"{candidate.name}, ditunjuk langsung oleh {by_role}: {said}; {where}; aturan {rule}."
    return f"{candidate.name}, appointed by hand by the {by_role}: {said}; {where}; rule {rule}."


def left_behind(candidate: Candidate, *, accuracy_m: float, rule: str, zone: ZoneInfo, language: str) -> str:
    """Say that `candidate` was called for a place the incident has moved away from."""
    where = place(candidate, accuracy_m=accuracy_m, zone=zone, language=language)
    if language == "id":
        return f"{candidate.name}, dipanggil untuk tempat sebelum insiden dipindahkan; kini {where}; aturan {rule}."
    return f"{candidate.name}, called for the place before the incident was moved; now {where}; rule {rule}."


def unassigned(*, is_in_service_area: bool, government: str | None, rule: str, language: str) -> str:
    """Say why nobody is responsible."""
    if language == "id":
        where = (
            "tidak ada batas layanan ini yang mencakup titik"
            if is_in_service_area
            else f"titik di luar wilayah layanan kota{f', dialihkan ke {government}' if government else ''}"
        )
        return f"Belum ada instansi, karena {where}; aturan {rule}."
    where = (
        "no boundary of this service covers the point"
        if is_in_service_area
        else f"the point lies outside the city's service area{f'; hand over to {government}' if government else ''}"
    )
    return f"No agency, because {where}; rule {rule}."
