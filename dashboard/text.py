"""Words of the pages in Indonesian and English.

Names of types, agencies and services come from the database, labels of the closed vocabularies from `gis.labels`.
"""

from __future__ import annotations

from functools import lru_cache

from dashboard.text_boundaries import OBJECTIONS
from dashboard.text_closures import CLOSURES
from dashboard.text_detail import DETAIL

# (Indonesian, English). `{name}` is filled in where the text is used.
GENERAL: dict[str, tuple[str, str]] = {
    "page_operator": ("Operator", "Operator"),
    "page_intake": ("Penerima laporan", "Intake"),
    "page_agency": ("Instansi", "Agency"),
    "page_planner": ("Perencana", "Planner"),
    "not_logged_in": (
        "Sesi Anda sudah berakhir. Masuk lagi untuk melanjutkan.",
        "Your session is over. Log in to go on.",
    ),
    "enter": ("Masuk", "Log in"),
    "database_away": (
        "Basis data sedang tidak terjangkau. Halaman ini mencoba lagi sendiri.",
        "The database is away. This page tries again by itself.",
    ),
    "no_page": ("Peran akun ini tidak punya halaman.", "The role of this account has no page."),
    "linked": ("tersambung", "connected"),
    "away": ("terputus {n} dtk", "away {n} s"),
    "logout": ("Keluar", "Log out"),
    "logout_unsent": ("{n} laporan belum terkirim — tetap keluar?", "{n} reports not sent — log out anyway?"),
    "logout_away": ("Server tidak terjangkau", "Server away"),
    "switch_language": ("English", "Bahasa Indonesia"),
    "demo_data": ("Data demo", "Demo data"),
    "roads_synthetic": ("jalan buatan", "made-up roads"),
    "boundaries_approximate": ("batas perkiraan", "approximate boundaries"),
    "unit_s": ("dtk", "s"),
    "unit_min": ("mnt", "min"),
    "unit_h": ("j", "h"),
    "unit_d": ("hari", "d"),
    "loading": ("Memuat …", "Loading …"),
    "waiting_for_server": ("Menunggu server …", "Waiting for the server …"),
    "close_panel": ("Tutup panel", "Close panel"),
    "back": ("Batal", "Back"),
    "remove": ("Hapus", "Remove"),
    "edit": ("Ubah", "Edit"),
    "discard": ("Buang", "Discard"),
    "copy": ("Salin", "Copy"),
    "show": ("Tampilkan", "Show"),
    "keep": ("Pakai", "Keep"),
    "change": ("Ganti", "Change"),
    "clear": ("Kosongkan", "Clear"),
    "no_agency": ("belum ada instansi", "no agency"),
    "has_declined": ("{agency} menolak", "{agency} declined"),
    "all_declined": ("semua menolak", "all declined"),
    "drill": ("LATIHAN", "DRILL"),
}

MAP: dict[str, tuple[str, str]] = {
    "stale": (
        "Tidak tersambung {n} dtk — data terakhir ditampilkan",
        "Not connected for {n} s — the last data is shown",
    ),
    "legend": ("Legenda", "Legend"),
    "posts": ("Posko", "Stations"),
    "whole_city": ("Seluruh kota", "Whole city"),
    "sound_on": ("Suara: nyala", "Sound: on"),
    "sound_off": ("Suara: mati", "Sound: off"),
    "help": ("Bantuan", "Help"),
    "new_point": ("Titik laporan baru", "Point of the new report"),
    "legend_shape": ("Bentuk = status", "Shape = status"),
    "legend_colour": ("Warna dan huruf = layanan", "Colour and letter = service"),
    "legend_size": (
        "Ukuran = keparahan. Merah hanya untuk yang harus ditindak.",
        "Size = severity. Red only where somebody must act.",
    ),
    "legend_waiting": ("berdenyut: belum dijawab instansi", "pulsing: no agency has answered"),
    "fresh": ("Baru: {number} {type}", "New: {number} {type}"),
    "fresh_more": ("dan {n} insiden baru lagi", "and {n} more new incidents"),
    "map": ("Peta", "Map"),
    "zoom_in": ("Perbesar", "Zoom in"),
    "zoom_out": ("Perkecil", "Zoom out"),
    "title_new": ("Insiden baru", "New incident"),
    "title_drill": ("LATIHAN", "DRILL"),
    "fresh_drill": ("LATIHAN: {number} {type}", "DRILL: {number} {type}"),
    "fresh_nobodys": (
        "{number} {type}: semua instansi menolak — panggil lagi atau tunjuk yang lain",
        "{number} {type}: every agency has declined — call again or appoint another",
    ),
    "legend_drill": ("latihan, bukan kejadian nyata", "a drill, not a real incident"),
    "n_here": ("{n} insiden di titik ini", "{n} incidents at this point"),
    "also_here": ("Juga di titik ini: {numbers}", "Also at this point: {numbers}"),
    "move_question": (
        "Pindahkan {number} ke titik ini? Instansi dihitung ulang.",
        "Move {number} to this point? Agencies are worked out again.",
    ),
    "move_yes": ("Pindahkan", "Move"),
    "letter_police": ("P", "P"),
    "letter_fire": ("K", "F"),
    "letter_medical": ("M", "M"),
    "letter_rescue": ("S", "R"),
    "letter_civil_protection": ("B", "C"),
    "letter_military": ("T", "A"),
    "letter_electricity": ("L", "E"),
    "letter_traffic": ("H", "T"),
    "letter_public_order": ("O", "O"),
    "letter_social": ("D", "S"),
    "letter_environment": ("G", "G"),
    "letter_public_works": ("J", "W"),
    "letter_water": ("A", "H"),
    "letter_child_protection": ("N", "N"),
    "letter_harbour": ("U", "U"),
    "letter_water_police": ("P", "P"),
    "letter_wildlife": ("W", "W"),
    "letter_public_health": ("M", "M"),
    "letter_hospital": ("R", "H"),
    "letter_local_government": ("G", "G"),
    "letter_district_government": ("G", "G"),
}

QUEUE: dict[str, tuple[str, str]] = {
    "queue": ("Antrean insiden", "Incident queue"),
    "queue_all": ("Semua", "All"),
    "queue_waiting": ("Belum dijawab", "Unanswered"),
    "queue_search": ("Cari (F3)", "Search (F3)"),
    "queue_empty": ("Tidak ada insiden terbuka.", "No open incident."),
    "queue_none_match": ("Tidak ada yang cocok.", "Nothing matches."),
    "lane_D": ("Darurat", "Emergency"),
    "lane_L": ("Layanan", "Service"),
    "n_waiting": ("{n} belum dijawab", "{n} unanswered"),
    "not_answered": ("{agency} belum menjawab", "{agency} has not answered"),
    "escalation": ("eskalasi {n}", "escalation {n}"),
    "late": ("{agencies} terlambat", "{agencies} late"),
    "our_assignments": ("Penugasan kami", "Our assignments"),
    "tab_open": ("Aktif", "Active"),
    "tab_all": ("Semua", "All"),
    "inbox_empty": ("Tidak ada penugasan yang menunggu.", "No assignment is waiting."),
    "more_rows": ("dan {n} lagi", "and {n} more"),
}

FORM: dict[str, tuple[str, str]] = {
    "new_report": ("Laporan baru", "New report"),
    "command": ("Baris perintah", "Command line"),
    "command_hint": ("n kbk1 @lippo plaza !1 +2 korban asap tebal", "n kbk1 @lippo plaza !1 +2 victims thick smoke"),
    "place": ("Lokasi", "Place"),
    "place_hint": (
        "Lokasi, patokan, atau koordinat — atau klik peta",
        "Place, landmark or coordinates — or click the map",
    ),
    "place_unknown": ("belum diketahui", "not known yet"),
    "side_of": ("sisi {place}", "side of {place}"),
    "place_not_found": (
        "“{place}” tidak ditemukan; klik peta atau pilih patokan lain.",
        "“{place}” not found; click the map or name another landmark.",
    ),
    "accuracy": ("Ketidakpastian titik", "Uncertainty of the point"),
    "type": ("Jenis", "Type"),
    "guess": ("dugaan dari kata-kata", "guessed from the words"),
    "text": ("Uraian", "Description"),
    "text_hint": ("Apa yang terjadi …", "What is happening …"),
    "severity": ("Keparahan", "Severity"),
    "severity_1": ("S1 kritis: nyawa terancam atau meluas", "S1 critical: life in danger or spreading"),
    "severity_2": ("S2 berat", "S2 serious"),
    "severity_3": ("S3 sedang", "S3 moderate"),
    "severity_4": ("S4 ringan", "S4 minor"),
    "n_victims": ("Korban", "Victims"),
    "n_dead": ("Meninggal", "Dead"),
    "hazards": ("Bahaya", "Hazards"),
    "hazard_fire": ("api", "fire"),
    "hazard_gas": ("gas", "gas"),
    "hazard_weapon": ("senjata", "weapon"),
    "hazard_electricity": ("listrik", "electricity"),
    "hazard_water": ("air", "water"),
    "hazard_hazmat": ("B3", "hazmat"),
    "hazard_crowd": ("massa", "crowd"),
    "flag_child": ("anak", "child"),
    "flag_on_road": ("di jalan", "on road"),
    "flag_armed": ("bersenjata", "armed"),
    "caller_phone": ("Telepon pelapor", "Caller's phone"),
    "caller_name": ("Nama", "Name"),
    "caller_relation": ("Hubungan", "Relation"),
    "save": ("Simpan & kirim", "Save & send"),
    "saved": ("{number} tersimpan, dikirim ke {agencies}", "{number} saved, sent to {agencies}"),
    "saved_attached": ("Laporan digabung ke {number}", "Report attached to {number}"),
    "saved_report": ("Laporan tersimpan, tanpa insiden", "Report saved, no incident"),
    "do_drill": ("Latihan", "Drill"),
    "do_drill_hint": (
        "Latihan: instansi diberi tahu bahwa ini bukan kejadian nyata",
        "A drill: agencies are told that it is not a real incident",
    ),
    "calls_nobody": ("{why}: tidak ada instansi yang dipanggil.", "{why}: nobody will be called."),
    "calls_nobody_more": (
        "Digabung ke {number}: tidak ada instansi lain yang dipanggil, kecuali laporan ini lebih berat.",
        "Joined to {number}: nobody else will be called, unless this report is graver.",
    ),
    "attach_drill": (
        "{number} dan laporan ini tidak dapat digabung: yang satu latihan, yang lain nyata.",
        "{number} and this report cannot be joined: one is a drill, the other is real.",
    ),
    "mend_use": ("Pakai {point}", "Use {point}"),
    "mend_keep": ("Titik saya benar", "My point is right"),
    "text_length": ("{n} dari {limit} huruf", "{n} of {limit} characters"),
    "text_too_long": (
        "Uraian paling banyak {limit} huruf; pendekkan sebelum menyimpan.",
        "A description has {limit} characters at most; shorten it before saving.",
    ),
    "refused": (
        "Server menolak laporan ini; perbaiki lalu kirim lagi.",
        "The server refused this report; mend it and send again.",
    ),
    "sent": ("Terkirim", "Sent"),
    "sent_none": ("Belum ada laporan dari halaman ini.", "No report from this page yet."),
    "outbox_waiting": (
        "{n} laporan menunggu server — tersimpan di konsol ini",
        "{n} reports wait for the server — kept on this console",
    ),
    "outbox_refused": ("Ditolak:", "Refused:"),
    "finish_draft_first": (
        "Simpan atau kosongkan laporan yang sedang ditulis dulu.",
        "Save or clear the report being written first.",
    ),
    "need_place": (
        "Isi lokasi, klik peta, atau tulis “belum diketahui”.",
        "Give a place, click the map, or write “not known yet”.",
    ),
    "need_type": ("Pilih jenis (Alt+1 sampai Alt+0).", "Choose a type (Alt+1 to Alt+0)."),
    "attach": ("Gabung", "Attach"),
    "parked": ("Draf disisihkan:", "Draft set aside:"),
    "take_up": ("Lanjutkan", "Continue"),
    "draft_question": (
        "Belum disimpan: {draft}. Perintah “{command}” untuk panggilan lain atau panggilan yang sama?",
        "Not saved yet: {draft}. Is the command “{command}” for another call or for the same one?",
    ),
    "draft_other": ("Panggilan lain; sisihkan draf", "Another call; set the draft aside"),
    "draft_same": ("Panggilan yang sama", "The same call"),
    "detach": ("Lepas", "Detach"),
    "attached_to": ("digabung ke {number}", "attached to {number}"),
    "like": ("mirip {p}", "{p} alike"),
    "preview_away": ("Pratinjau instansi menunggu server.", "The preview of agencies waits for the server."),
    "from_border": ("{m} dari batas", "{m} from the border"),
    "nearest_by": ("batas terdekat, {m}", "nearest boundary, {m}"),
    "handoff": ("Di luar wilayah: {government} · {number}", "Outside the area: {government} · {number}"),
    "family_KBK": ("Kebakaran", "Fire"),
    "family_LKA": ("Kecelakaan", "Accident"),
    "family_MED": ("Medis", "Medical"),
    "family_SAR": ("SAR", "Rescue"),
    "family_KAM": ("Keamanan", "Security"),
    "family_BNC": ("Bencana", "Disaster"),
    "family_SOS": ("Sosial", "Social"),
    "family_UTL": ("Utilitas", "Utilities"),
    "family_LNG": ("Lingkungan", "Environment"),
    "family_ADM": ("Lainnya", "Other"),
    "kind_landmark": ("patokan", "landmark"),
    "kind_street": ("jalan", "street"),
    "kind_intersection": ("simpang", "intersection"),
    "kind_roundabout": ("bundaran", "roundabout"),
    "kind_bridge": ("jembatan", "bridge"),
    "kind_market": ("pasar", "market"),
    "kind_mall": ("mal", "mall"),
    "kind_school": ("sekolah", "school"),
    "kind_university": ("kampus", "university"),
    "kind_hospital": ("rumah sakit", "hospital"),
    "kind_clinic": ("puskesmas", "clinic"),
    "kind_office": ("kantor", "office"),
    "kind_bank": ("bank", "bank"),
    "kind_hotel": ("hotel", "hotel"),
    "kind_fuel": ("SPBU", "fuel station"),
    "kind_mosque": ("masjid", "mosque"),
    "kind_harbour": ("pelabuhan", "harbour"),
    "kind_airport": ("bandara", "airport"),
    "kind_recreation": ("tempat umum", "recreation"),
    "kind_river": ("sungai", "river"),
    "kind_water": ("perairan", "water"),
    "kind_kelurahan": ("kelurahan", "kelurahan"),
    "kind_kecamatan": ("kecamatan", "kecamatan"),
    "kind_coordinates": ("koordinat", "coordinates"),
}

COMMANDS: dict[str, tuple[str, str]] = {
    "cmd_unknown": ("Perintah tidak dikenal. F1 menampilkan semuanya.", "Unknown command. F1 shows them all."),
    "cmd_bad_number": ("Sebut nomor insiden, misalnya ? 412.", "Name the incident's number, for example ? 412."),
    "cmd_bad_state": (
        "Tulis terima, tolak, menuju, tiba, atau selesai.",
        "Write accept, decline, route, scene or done.",
    ),
    "cmd_bad_class": (
        "Tulis prank, ghost, info, wilayah, salah, atau uji.",
        "Write prank, ghost, info, outside, wrong or test.",
    ),
    "cmd_no_text": ("Tulis catatannya sesudah nomor.", "Write the note after the number."),
    "cmd_bad_severity": ("Keparahan ditulis !1 sampai !4.", "Severity is written !1 to !4."),
    "cmd_bad_sign": ("Tanda # hanya untuk #latihan.", "The sign # is only for #drill."),
    "cmd_bad_type": (
        "“{word}” bukan kode jenis. Tulis kodenya, atau uraian sesudah lokasi.",
        "“{word}” is no code of a type. Write the code, or the description after the place.",
    ),
    "cmd_near_types": ("Mungkin: {types}.", "Perhaps: {types}."),
    "cmd_no_target": (
        "Sebut instansi atau wilayahnya sesudah nomor.",
        "Name the agency or jurisdiction after the number.",
    ),
    "cmd_no_reason": ("Tulis alasannya di akhir perintah.", "Write the reason at the end of the command."),
    "cmd_no_result": (
        "Sebut hasilnya: tertangani, dirujuk, telepon, nihil, prank, warga, dialihkan, atau tak-terjangkau.",
        "Name the result: handled, referred, phone, nothing, prank, residents, passed, or unreachable.",
    ),
    "cmd_which": ("Sebut yang mana: {choices}.", "Name which one: {choices}."),
    "cmd_not_appointable": (
        "{agency} tidak dapat ditunjuk untuk insiden ini.",
        "{agency} cannot be appointed for this incident.",
    ),
    "cmd_no_incident": ("Tidak ada insiden terbuka bernomor {number}.", "No open incident has the number {number}."),
    "cmd_no_agency": ("Insiden itu tidak punya penugasan {agency}.", "That incident has no assignment {agency}."),
    "help_keys": ("Tombol", "Keys"),
    "help_commands": ("Perintah", "Commands"),
    "key_help": ("bantuan ini", "this help"),
    "key_new": ("baris perintah, laporan baru", "command line, new report"),
    "key_search": ("cari di antrean", "search the queue"),
    "key_queue": ("ke antrean", "to the queue"),
    "key_next": ("berikutnya yang belum dijawab", "next unanswered"),
    "key_type": ("kelompok jenis, lalu jenisnya", "family of types, then the type"),
    "key_save": ("simpan dan kirim", "save and send"),
    "key_move": ("naik dan turun di antrean", "up and down the queue"),
    "key_open": ("buka insiden, dekatkan peta", "open the incident, zoom in"),
    "key_raise": ("insiden terbuka ke jalur darurat", "open incident to the emergency lane"),
    "key_close": ("tutup panel", "close the panel"),
    "cmd_form_n": ("n JENIS @LOKASI !S +N teks", "n TYPE @PLACE !S +N text"),
    "cmd_text_n": ("laporan baru; dengan #latihan: latihan", "new report; with #drill: a drill"),
    "cmd_form_eq": ("= 412", "= 412"),
    "cmd_text_eq": ("gabungkan laporan ke insiden", "attach the report to an incident"),
    "cmd_form_t": ("t 412 teks", "t 412 text"),
    "cmd_text_t": ("catatan", "note"),
    "cmd_form_a": ("a 412 terima POL", "a 412 accept POL"),
    "cmd_text_a": (
        "jawaban instansi lewat telepon: terima, tolak ALASAN, menuju, tiba, selesai HASIL (tertangani, dirujuk,"
        " telepon, nihil, prank, warga, dialihkan, tak-terjangkau)",
        "an agency's answer by phone: accept, decline REASON, route, scene, done RESULT (handled, referred, phone,"
        " nothing, prank, residents, passed, unreachable)",
    ),
    "cmd_form_p": ("p 412 POL", "p 412 POL"),
    "cmd_text_p": ("panggil lagi instansi yang menolak", "call an agency again that has declined"),
    "cmd_form_u": ("u 412 POL-BARUGA alasan", "u 412 POL-BARUGA reason"),
    "cmd_text_u": ("tunjuk instansi lain", "appoint another agency"),
    "cmd_form_x": ("x prank", "x prank"),
    "cmd_text_x": (
        "panggilan atau insiden terbuka: prank, ghost, info, wilayah",
        "the call or the open incident: prank, ghost, info, outside",
    ),
    "cmd_form_q": ("? 412", "? 412"),
    "cmd_text_q": ("mengapa instansi itu", "why that agency"),
}

TEXT = GENERAL | MAP | QUEUE | FORM | COMMANDS | DETAIL | CLOSURES | OBJECTIONS


def t(key: str, language: str, **values: object) -> str:
    """Return the text of `key`.

    Raises
    ------
    KeyError
        There is no such text.
    """
    return TEXT[key][language == "en"].format(**values)


@lru_cache(maxsize=4)
def _texts(language: str) -> tuple[tuple[str, str], ...]:
    return tuple((key, pair[language == "en"]) for key, pair in TEXT.items())


def texts(language: str) -> dict[str, str]:
    """Return every text in one language, for the parts that live in the browser."""
    return dict(_texts(language))
