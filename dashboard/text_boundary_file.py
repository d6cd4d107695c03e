"""Words of the page that checks a file of polygons, in Indonesian and English."""

from __future__ import annotations

PAGE: dict[str, tuple[str, str]] = {
    "f_file": ("Berkas batas", "File of boundaries"),
    "f_formats": (
        "GeoJSON, GeoPackage, Shapefile dalam zip, KML, GeoParquet. Berkas dibaca di proses terpisah.",
        "GeoJSON, GeoPackage, Shapefile in a zip, KML, GeoParquet. A file is read in a process apart.",
    ),
    "f_holds": ("Isi berkas", "The file holds"),
    "f_jurisdictions": ("wilayah instansi", "jurisdictions of an agency"),
    "f_kelurahan": ("kelurahan", "kelurahan"),
    "f_kecamatan": ("kecamatan", "kecamatan"),
    "f_service": ("Layanan", "Service"),
    "f_agency": ("Instansi", "Agency"),
    "f_columns": ("Kolom dan CRS", "Columns and CRS"),
    "f_code_field": ("Kolom kode", "Column of codes"),
    "f_name_field": ("Kolom nama", "Column of names"),
    "f_crs": ("CRS bila berkas tidak menyebutnya", "CRS if the file names none"),
    "f_check": ("Periksa berkas", "Check the file"),
    "f_checking": ("Berkas sedang diperiksa …", "The file is being checked …"),
    "f_hint": (
        "Pilih berkas, lalu periksa. Semua temuan tampil di daftar dan di peta; tidak ada yang disimpan.",
        "Choose a file, then check it. Every finding is listed and drawn on the map; nothing is kept.",
    ),
    "f_unreadable": ("Berkas ini tidak dapat dibaca.", "This file cannot be read."),
    "f_tolerance": ("Perbaikan: celah dan geseran sampai", "Repair: gaps and moves up to"),
    "f_propose": ("Usulkan perbaikan", "Propose a repair"),
    "f_repairing": ("Perbaikan sedang dihitung …", "A repair is being worked out …"),
    "f_preview": (
        "Pratinjau saja; lihat “Perbaikan” di samping peta.",
        "Only a preview; see “Repair” beside the map.",
    ),
    "f_download": ("Unduh berkas perbaikan", "Download the repaired file"),
    "f_repaired": ("diperbaiki", "repaired"),
    "f_report": ("Unduh laporan (JSON)", "Download the report (JSON)"),
    "f_draft_hint": (
        "Wilayah yang tidak disebut berkas tetap seperti sekarang.",
        "Jurisdictions the file does not name stay as they are.",
    ),
    "f_draft": ("Jadikan draf batas", "Make it a draft"),
    "f_draft_repaired": ("Terima perbaikan sebagai draf", "Accept the repair as a draft"),
    "f_drafting": ("Draf sedang dibuat …", "The draft is being made …"),
    "f_drafted": ("Draf dibuat: {n} wilayah berubah.", "Draft made: {n} jurisdictions change."),
    "f_open_draft": ("Buka draf", "Open the draft"),
    "f_title": ("Dari berkas {name}", "From the file {name}"),
}

REPORT: dict[str, tuple[str, str]] = {
    "f_tab_findings": ("Temuan {n}", "Findings {n}"),
    "f_tab_repair": ("Perbaikan {n}", "Repair {n}"),
    "f_summary": ("{rows} poligon, {area}; {crs}", "{rows} polygons, {area}; {crs}"),
    "f_valid": ("Cakupan utuh: tanpa celah, tanpa tumpang tindih.", "A valid coverage: no gap, no overlap."),
    "f_not_valid": (
        "tumpang tindih {overlap}, celah {gap}",
        "overlaps {overlap}, gaps {gap}",
    ),
    "f_no_findings": ("Tidak ada temuan.", "No finding."),
    "f_all": ("Semua {n}", "All {n}"),
    "f_errors": ("Menolak {n}", "Refusing {n}"),
    "f_row": ("baris {n}", "row {n}"),
    "f_whole": ("seluruh berkas", "whole file"),
    "f_shown": (
        "{n} dari {of} temuan ditampilkan; semuanya ada di laporan.",
        "{n} of {of} findings are shown; the report has all.",
    ),
    "f_mend": ("Cara membetulkan: {text}", "How to mend: {text}"),
    "f_proposal": ("Usulan: {text}", "Proposal: {text}"),
    "f_wide": ("lebar {m} m", "{m} m wide"),
    "f_nothing_changes": ("Tidak ada poligon yang perlu diubah.", "No polygon needs a change."),
    "f_impossible": ("Tidak dapat diusulkan:", "No repair can be proposed:"),
    "f_repair_figures": (
        "{n} poligon berubah; {m2} berganti pemilik, paling jauh {m} m dari batas lama.",
        "{n} polygons change; {m2} change owner, at most {m} m from an old border.",
    ),
    "f_repair_valid": ("Sesudahnya cakupan utuh.", "Afterwards the coverage is valid."),
    "f_repair_left": ("Sesudahnya masih ada celah atau tumpang tindih.", "Gaps or overlaps are left afterwards."),
    "f_mended": ("gelang dibetulkan", "rings mended"),
    "f_before_after": ("{before} menjadi {after}", "{before} becomes {after}"),
    "f_moved": ("bergeser {m} m", "moved {m} m"),
}

# What a finding is about, and how a person mends it.
KINDS: dict[str, tuple[str, str]] = {
    "f_kind_column": ("kolom tidak ada", "column missing"),
    "f_kind_text": ("teks kolom", "text of a column"),
    "f_kind_json": ("isi JSON", "JSON content"),
    "f_kind_empty": ("tanpa bentuk", "no shape"),
    "f_kind_not_polygon": ("bukan poligon", "not a polygon"),
    "f_kind_curve": ("garis lengkung", "curve"),
    "f_kind_not_finite": ("koordinat bukan angka", "coordinates are no numbers"),
    "f_kind_too_complex": ("terlalu rumit", "too complex"),
    "f_kind_heights": ("ada ketinggian", "has heights"),
    "f_kind_invalid": ("gelang tidak sah", "invalid ring"),
    "f_kind_swapped": ("sumbu tertukar", "swapped axes"),
    "f_kind_wrong_crs": ("CRS salah", "wrong CRS"),
    "f_kind_outside": ("di luar kota", "outside the city"),
    "f_kind_duplicate_code": ("kode ganda", "code twice"),
    "f_kind_unknown_code": ("kode tidak dikenal", "unknown code"),
    "f_kind_missing": ("tidak ada di berkas", "missing in the file"),
    "f_kind_name": ("nama berbeda", "another name"),
    "f_kind_level": ("tingkat", "level"),
    "f_kind_parent": ("induk", "parent"),
    "f_kind_nesting": ("tidak tepat di induknya", "not within its parent"),
    "f_kind_overlap": ("tumpang tindih", "overlap"),
    "f_kind_conflict": ("bertabrakan dengan instansi lain", "conflict with another agency"),
    "f_kind_gap": ("celah", "gap"),
    "f_kind_sliver": ("serpihan celah", "sliver gap"),
    "f_kind_edges": ("tepi tidak sama", "edges differ"),
    "f_kind_unfinished": ("tidak selesai", "unfinished"),
    "f_kind_more": ("dan lainnya", "and more"),
    "f_kind_other": ("lainnya", "other"),
    "f_mend_column": ("pilih kolom di “Kolom dan CRS”", "choose the column under “Columns and CRS”"),
    "f_mend_invalid": ("usulkan perbaikan, atau gambar ulang gelangnya", "propose a repair, or draw the ring again"),
    "f_mend_swapped": ("tukar bujur dan lintang di berkas", "exchange longitude and latitude in the file"),
    "f_mend_wrong_crs": ("sebutkan CRS yang benar", "name the right CRS"),
    "f_mend_outside": ("periksa CRS, atau hapus baris itu", "check the CRS, or remove the row"),
    "f_mend_duplicate_code": ("beri kode yang berbeda", "give each a code of its own"),
    "f_mend_unknown_code": (
        "periksa kodenya; kode baru menjadi wilayah baru",
        "check it; a new code becomes a new one",
    ),
    "f_mend_missing": ("lengkapi berkas bila memang masih ada", "complete the file if it still exists"),
    "f_mend_name": ("pilih nama yang resmi", "choose the official name"),
    "f_mend_overlap": ("usulkan perbaikan, atau sepakati pemiliknya", "propose a repair, or agree whose it is"),
    "f_mend_conflict": ("sepakati dengan instansi itu lebih dulu", "agree with that agency first"),
    "f_mend_gap": (
        "tentukan milik siapa; celah lebar tidak diisi sendiri",
        "say whose it is; wide gaps are not filled",
    ),
    "f_mend_sliver": ("usulkan perbaikan", "propose a repair"),
    "f_mend_edges": ("usulkan perbaikan", "propose a repair"),
    "f_mend_empty": ("gambar bentuknya, atau hapus baris itu", "draw its shape, or remove the row"),
    "f_mend_heights": ("tidak perlu apa-apa; ketinggian dibuang", "nothing; heights are dropped"),
}

FILE = PAGE | REPORT | KINDS


def t(key: str, language: str, **values: object) -> str:
    """Return the text of `key`."""
    return FILE[key][language == "en"].format(**values)
