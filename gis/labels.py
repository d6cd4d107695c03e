"""Labels of the closed vocabularies in Indonesian and English.

Names of types, agencies and services come from the city; these codes belong to the platform.
"""

from __future__ import annotations

LABELS: dict[str, dict[str, tuple[str, str]]] = {
    "status": {
        "draft": ("draf", "draft"),
        "verified": ("terverifikasi", "verified"),
        "dispatched": ("dikirim", "dispatched"),
        "acknowledged": ("diterima", "acknowledged"),
        "in_progress": ("ditangani", "in progress"),
        "under_control": ("terkendali", "under control"),
        "resolved": ("selesai", "resolved"),
        "closed": ("ditutup", "closed"),
        "cancelled": ("dibatalkan", "cancelled"),
        "unfounded": ("nihil", "unfounded"),
        "merged": ("gabungan", "merged"),
        "handed_off": ("dialihkan", "handed off"),
    },
    "state": {
        "queued": ("antre", "queued"),
        "delivered": ("terkirim", "delivered"),
        "seen": ("dibaca", "seen"),
        "accepted": ("diterima", "accepted"),
        "declined": ("ditolak", "declined"),
        "en_route": ("menuju", "en route"),
        "on_scene": ("tiba", "on scene"),
        "done": ("selesai", "done"),
    },
    "role": {
        "lead": ("utama", "lead"),
        "support": ("dukungan", "support"),
        "inform": ("informasi", "informed"),
    },
    "match": {
        "covers": ("di dalam batas", "inside the boundary"),
        "share": ("sebagian di dalam batas", "partly inside the boundary"),
        "nearest": ("batas terdekat", "nearest boundary"),
        "citywide": ("seluruh kota", "city-wide"),
        "unassigned": ("belum ada instansi", "no agency"),
    },
    "estimate": {
        "road": ("lewat jalan", "by road"),
        "straight_line": ("perkiraan garis lurus", "straight-line estimate"),
        "none": ("tidak ada", "none"),
    },
    "classification": {
        "emergency": ("darurat", "emergency"),
        "service": ("layanan", "service"),
        "information": ("informasi", "information"),
        "prank": ("prank", "prank"),
        "ghost": ("tanpa suara", "ghost call"),
        "wrong_number": ("salah sambung", "wrong number"),
        "out_of_area": ("luar wilayah", "out of area"),
        "test": ("uji coba", "test"),
    },
    "closure": {
        "in_force": ("berlaku", "in force"),
        "planned": ("terencana", "planned"),
        "expired": ("berakhir", "expired"),
        "ended": ("dibuka kembali", "reopened"),
    },
    "draft": {
        "open": ("terbuka", "open"),
        "proposed": ("diajukan", "proposed"),
        "scheduled": ("terjadwal", "scheduled"),
        "withdrawn": ("ditarik", "withdrawn"),
    },
    "objection": {
        "open": ("belum dibaca", "not yet read"),
        "in_work": ("sedang diperiksa", "being looked into"),
        "answered": ("sudah dijawab", "answered"),
    },
    "outcome": {
        "upheld": ("diterima", "upheld"),
        "rejected": ("ditolak", "rejected"),
        "moot": ("tidak relevan lagi", "no longer matters"),
    },
    "profile": {
        "fire_engine": ("mobil pemadam", "fire engine"),
        "ambulance": ("ambulans", "ambulance"),
        "car": ("mobil", "car"),
        "motorcycle": ("sepeda motor", "motorcycle"),
    },
    "lane": {"D": ("darurat", "emergency"), "L": ("layanan", "service")},
}


def label(kind: str, code: str, language: str) -> str:
    """Return the label of `code`; the code itself when there is none."""
    pair = LABELS[kind].get(code)
    return code if pair is None else pair[1 if language == "en" else 0]
