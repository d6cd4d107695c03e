"""Words and numbers of the planner's page in Indonesian and English."""

from __future__ import annotations

from datetime import date

TEXT: dict[str, tuple[str, str]] = {
    "period": ("Rentang", "Period"),
    "period_30": ("30 hari", "30 days"),
    "period_90": ("90 hari", "90 days"),
    "period_365": ("12 bulan", "12 months"),
    "period_all": ("Semua", "All"),
    "period_pick": ("Pilih …", "Pick …"),
    "dates": ("Dari – sampai", "From – to"),
    "lane": ("Jalur", "Lane"),
    "lane_": ("Semua", "All"),
    "lane_D": ("Darurat", "Emergency"),
    "lane_L": ("Layanan", "Service"),
    "family": ("Kelompok", "Group"),
    "type": ("Jenis", "Type"),
    "all_types": ("Semua jenis", "All types"),
    "all_families": ("Semua kelompok", "All groups"),
    "hours": ("Jam", "Hours"),
    "hour_from": ("Dari jam", "From hour"),
    "hour_to": ("Sampai jam", "To hour"),
    "districts": ("Kecamatan", "Kecamatan"),
    "all_districts": ("Semua kecamatan", "All kecamatan"),
    "view": ("Tampilan", "View"),
    "view_density": ("Kepadatan", "Density"),
    "view_areas": ("Per kelurahan", "Per kelurahan"),
    "view_times": ("Waktu", "Time"),
    "view_reach": ("Jangkauan", "Reach"),
    "station": ("Pos", "Station"),
    "traffic_hour": ("Lalu lintas pada jam", "Traffic of the hour"),
    "no_stations": ("Belum ada pos yang aktif.", "There is no station in service yet."),
    "reached_within": ("Terjangkau lewat jalan dalam", "Reached by road within"),
    "within": ("{minutes} menit", "{minutes} min"),
    "at_hour": ("pukul {hour}", "at {hour}"),
    "reach_area": ("luas {areas} km²", "{areas} km²"),
    "reach_streets": ("paling jauh 150 m dari jalan", "at most 150 m from a street"),
    "outside_main": (
        "garis putus: {km} km jalan di luar jaringan utama, tidak dilalui",
        "dashed: {km} km of streets outside the main network, not driven",
    ),
    "all_main": ("semua jalan terhubung", "all streets hang together"),
    "estimate_only": ("PERKIRAAN, BELUM DIKALIBRASI", "ESTIMATE, NOT CALIBRATED"),
    "calibrated": ("dikalibrasi dari catatan perjalanan", "calibrated on recorded runs"),
    "roads_synthetic": ("jalan buatan", "made-up roads"),
    "profile_car": ("mobil", "car"),
    "profile_motorcycle": ("sepeda motor", "motorcycle"),
    "profile_ambulance": ("ambulans", "ambulance"),
    "profile_fire_engine": ("mobil pemadam", "fire engine"),
    "bandwidth": ("Lebar pita", "Bandwidth"),
    "bandwidth_auto": ("otomatis", "automatic"),
    "incidents": ("kejadian", "incidents"),
    "left_out": (
        "{n} lain tidak dihitung: uji coba, laporan gabungan, nihil, prank",
        "{n} more not counted: drills, joined reports, unfounded, pranks",
    ),
    "synthetic": ("Data sintetis", "Synthetic data"),
    "demo": ("Data demo", "Demo data"),
    "approximate": ("Batas perkiraan", "Approximate boundaries"),
    "empty": (
        "Tidak ada kejadian dalam pilihan ini. Perpanjang rentang, atau kosongkan jenis, jam, atau kecamatan.",
        "No incidents in this selection. Make the period longer, or clear type, hours or kecamatan.",
    ),
    "no_incidents": ("Belum ada kejadian di basis data.", "There are no incidents in the database yet."),
    "pick_two": ("Pilih tanggal awal dan akhir.", "Pick the first and the last day."),
    "drawing": ("Menggambar kepadatan …", "Drawing the density …"),
    "number_not_risk": ("Jumlah kejadian, bukan risiko", "Number of incidents, not risk"),
    "unit_year": ("kejadian per km² per tahun", "incidents per km² per year"),
    "kernel": ("Kernel", "Kernel"),
    "kernel_gaussian": ("Gauss", "Gaussian"),
    "rule_default": ("otomatis: ¼√(A/N), 100–800 m", "automatic: ¼√(A/N), 100–800 m"),
    "rule_given": ("dipilih", "chosen"),
    "n_places": ("di {n} titik", "at {n} places"),
    "n_outside": ("{n} di luar daratan terpilih, tidak digambar", "{n} outside the land chosen, not drawn"),
    "small_n": (
        "Hanya {n} kejadian: bercak pada peta ini lebih banyak berasal dari kernel daripada dari kota. Baca sebagai "
        "titik-titik, jangan sebagai pola; perpanjang rentang atau longgarkan pilihan.",
        "Only {n} incidents: the patches on this map come from the kernel more than from the city. Read them as "
        "single events, not as a pattern; make the period longer or the selection wider.",
    ),
    "below": ("di bawah {low}: bening", "below {low}: clear"),
    "cell": ("sel {m} m", "cells of {m} m"),
    "edge": ("tepi pantai dikoreksi", "corrected at the shore"),
    "column_name": ("Kelurahan", "Kelurahan"),
    "column_district": ("Kecamatan", "Kecamatan"),
    "column_code": ("Kode", "Code"),
    "column_n": ("Kejadian", "Incidents"),
    "column_share": ("Bagian (%)", "Share (%)"),
    "column_area": ("Luas (km²)", "Area (km²)"),
    "column_rate": ("Per km² per tahun", "Per km² per year"),
    "outside": ("(di luar semua kelurahan)", "(outside every kelurahan)"),
    "few": ("garis putus: kurang dari 5 kejadian", "dashed: fewer than 5 incidents"),
    "download": ("Unduh CSV", "Download CSV"),
    "hour_table": ("Kejadian per jam dan hari", "Incidents by hour and weekday"),
    "hour_note": (
        "Rata-rata kejadian per 100 jam yang sama dalam rentang itu; waktu setempat. Arahkan kursor untuk jumlahnya.",
        "Mean incidents per 100 such hours of the period; local time. Hover for the count.",
    ),
    "month_table": ("Kejadian per bulan", "Incidents per month"),
    "type_table": ("Jenis terbanyak", "Most frequent types"),
    "partial": ("tidak penuh", "partial"),
    "computed": (
        "Bagaimana dihitung?",
        "How is this computed?",
    ),
    "computed_density": (
        "Setiap kejadian disebar dengan kernel Gauss di bidang meter ({crs}); massa yang akan jatuh ke laut atau luar "
        "wilayah dikembalikan ke darat (Diggle 1985), sehingga permukaan berjumlah N. Lebar pita adalah simpangan baku "
        "kernel. Kelas memakai batas bulat 1–2–5. Peta ini menunjukkan tempat kejadian berkumpul; untuk meramal bulan "
        "depan, hitungan per sel lebih baik daripada peta halus.",
        "Each incident is spread with a Gaussian kernel in metres ({crs}); mass that would fall into the sea or "
        "outside the area is kept on land (Diggle 1985), so that the surface adds up to N. The bandwidth is the "
        "kernel's standard deviation. Classes have round bounds of 1–2–5. The map shows where incidents gather; to "
        "forecast next month, counts per cell do better than a smooth map.",
    ),
    "weekday_0": ("Senin", "Monday"),
    "weekday_1": ("Selasa", "Tuesday"),
    "weekday_2": ("Rabu", "Wednesday"),
    "weekday_3": ("Kamis", "Thursday"),
    "weekday_4": ("Jumat", "Friday"),
    "weekday_5": ("Sabtu", "Saturday"),
    "weekday_6": ("Minggu", "Sunday"),
    "family_KBK": ("Kebakaran", "Fire"),
    "family_LKA": ("Kecelakaan", "Accident"),
    "family_MED": ("Medis", "Medical"),
    "family_SAR": ("Penyelamatan", "Rescue"),
    "family_KAM": ("Keamanan", "Security"),
    "family_BNC": ("Bencana", "Disaster"),
    "family_SOS": ("Sosial", "Social"),
    "family_UTL": ("Utilitas", "Utilities"),
    "family_LNG": ("Lingkungan", "Environment"),
}
MONTHS = {
    "id": ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}


def t(key: str, language: str, **values: object) -> str:
    """Return the text of `key`."""
    return TEXT[key][language == "en"].format(**values)


def family(code: str, language: str) -> str:
    """Return the name of a group of types; a city's own group shows its code."""
    key = f"family_{code}"
    return t(key, language) if key in TEXT else code


def number(value: float, language: str, digits: int = 0) -> str:
    """Return a number as people write it: 10.226,5 or 10,226.5."""
    text = f"{value:,.{digits}f}"
    return text if language == "en" else text.translate(str.maketrans(",.", ".,"))


def short(value: float, language: str) -> str:
    """Return a class bound with the digits it needs."""
    digits = 0 if value >= 20 or value == int(value) else 1 if value >= 1 else 3
    text = number(value, language, digits)
    return text.rstrip("0").rstrip(",.") if digits == 3 else text


def day(value: date, language: str) -> str:
    """Return a date as 24 Nov 2026."""
    return f"{value.day} {MONTHS[language][value.month - 1]} {value.year}"


def month(value: date, language: str) -> str:
    """Return a month as Nov 26."""
    return f"{MONTHS[language][value.month - 1]} {value.year % 100:02d}"
