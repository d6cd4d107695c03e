"""What is said about drafts of boundaries, Indonesian and English; part of `gis.messages`."""

from __future__ import annotations

BOUNDARY_MESSAGES: dict[str, tuple[str, str]] = {
    # what is wrong with an edit
    "draft_member": ("bukan bagian dari suntingan {kind}", "is no member of the edit {kind}"),
    "draft_areas": (
        "harus daftar 1 sampai {limit} kode kelurahan atau kecamatan",
        "must be a list of 1 to {limit} codes of kelurahan or kecamatan",
    ),
    "draft_code": ("kode tidak boleh memuat garis miring", "a code has no slash"),
    "draft_geometry": ("harus {kinds} GeoJSON", "must be a GeoJSON {kinds}"),
    "draft_coordinates": ("koordinat tidak sesuai jenis bentuknya", "the coordinates are not those of such a shape"),
    "draft_far_off": ("jauh di luar kota", "far outside the city"),
    "draft_unknown_jurisdiction": (
        "tidak ada wilayah dengan kode ini pada layanan ini",
        "no jurisdiction of this service has this code",
    ),
    "draft_unknown_areas": (
        "tidak ada wilayah administrasi berkode {codes}",
        "no administrative area has code {codes}",
    ),
    "draft_unknown": ("tidak dikenal di kota ini", "is not known in this city"),
    "draft_same": ("sama dengan yang menyerahkan", "is the one that gives"),
    "draft_not_held": ("{name} tidak memegang wilayah ini", "{name} does not hold this ground"),
    "draft_not_across": (
        "garis tidak memotong {name} dari tepi ke tepi",
        "the line does not cross {name} from border to border",
    ),
    "draft_too_many": (
        "garis memotong menjadi {n} bagian; gambarkan satu potongan menjadi dua",
        "the line cuts it into {n} parts; draw one cut into two",
    ),
    "draft_point_outside": ("tidak di dalam wilayah yang dipotong", "lies in neither part"),
    "draft_citywide": (
        "{name} berlaku seluruh kota dan tidak punya garis batas untuk diubah",
        "{name} is city-wide and has no border to change",
    ),
    "draft_code_used": ("kode sudah dipakai {name}", "the code is that of {name}"),
    "draft_nothing_left": ("tidak ada yang tersisa dari {name}", "nothing would be left of {name}"),
    "draft_nothing_left_hint": (
        "akhiri wilayah itu dengan suntingan end dan sebut penerimanya",
        "end it with the edit end and name who takes the ground",
    ),
    "draft_no_news": ("tidak mengubah apa pun", "changes nothing"),
    "draft_not_computed": (
        "batasnya terlalu berimpit untuk dihitung",
        "the borders run too close to each other to be computed",
    ),
    "draft_not_computed_hint": (
        "gambarkan sedikit berbeda, atau ubah snap_m",
        "draw it a little differently, or change snap_m",
    ),
    "draft_not_changed": ("draf tidak mengubah wilayah ini", "the draft does not change this jurisdiction"),
    # what is wrong with a proposal
    "draft_past": ("sudah lewat; harus di depan", "is past; must lie ahead"),
    "draft_far": ("lebih dari lima tahun di depan", "more than five years ahead"),
    "draft_past_hint": ("sekarang {now}", "it is now {now}"),
    "draft_empty": ("draf belum mengubah apa pun", "the draft changes nothing yet"),
    "draft_overlap": (
        "{one} dan {two} akan tumpang tindih {m2} m² pada prioritas yang sama",
        "{one} and {two} would overlap by {m2} m² at the same priority",
    ),
    "draft_overlap_hint": (
        "geser batasnya, atau beri prioritas yang berbeda",
        "move the border, or give one another priority",
    ),
    "draft_gaps": (
        "{n} bidang ({m2} m²) tidak akan dipegang siapa pun",
        "{n} pieces ({m2} m²) would be held by nobody",
    ),
    "draft_gaps_hint": ("serahkan kepada tetangga, atau isi gap_reason", "give them to a neighbour, or say gap_reason"),
    "draft_outside": (
        "{name} akan meluas {m2} m² jauh di luar wilayah layanan",
        "{name} would gain {m2} m² far outside the service area",
    ),
    "draft_after": (
        "{name} sudah punya versi yang mulai berlaku {at}; pilih sesudahnya",
        "{name} has a version in force from {at}; choose a later moment",
    ),
    "draft_not_service": ("instansi Anda tidak punya wilayah pada layanan ini", "your agency serves nothing of this"),
    # why it cannot be now
    "draft_stale": (
        "Draf sudah diubah orang lain (versi {current}, Anda mengirim {sent}): {what}. Muat ulang dan ulangi.",
        "The draft was changed by somebody else (version {current}, you sent {sent}): {what}. Reload and repeat.",
    ),
    "draft_state": (
        "Draf berstatus {state}; ini tidak mungkin lagi. {what}",
        "The draft is {state}; this is not possible any more. {what}",
    ),
    "draft_other_digest": (
        "Isi draf bukan lagi yang Anda lihat: {what}. Muat ulang, periksa, lalu tanda tangani.",
        "The draft is no longer what you saw: {what}. Reload, check, then sign.",
    ),
    "draft_not_proposed": (
        "Draf belum diajukan; ajukan dahulu sebelum ditandatangani.",
        "The draft is not proposed; propose it before it is signed.",
    ),
    "draft_base_changed": (
        "Batas yang disentuh draf ini berubah sejak digambar: {what}. Perbarui dasarnya (rebase) dan ajukan lagi.",
        "Boundaries this draft touches have changed since it was drawn: {what}. Rebase it and propose again.",
    ),
    "draft_effects_changed": (
        "Akibat draf ini tidak lagi seperti yang diajukan, karena batas lain berubah: {what}. Perbarui dasarnya"
        " (rebase) dan ajukan lagi.",
        "What this draft does is no longer what was proposed, because other boundaries changed: {what}. Rebase it and"
        " propose again.",
    ),
    "draft_too_late": (
        "Saat berlaku {at} sudah lewat sebelum semua menandatangani; ajukan lagi dengan saat yang lain.",
        "The moment {at} passed before everybody had signed; propose again with a later one.",
    ),
    "draft_signed": ("Sudah ditandatangani untuk: {names}.", "Signed already for: {names}."),
    "draft_no_side": (
        "bukan pihak dalam draf ini, atau bukan milik Anda; pihak Anda: {names}",
        "is no side of this draft, or not yours; yours are: {names}",
    ),
    "draft_paper_only_admin": (
        "hanya admin mencatat tanda tangan di atas kertas",
        "only an administrator records a signature on paper",
    ),
    # what happened
    "draft_said_created": ("draf dibuat: {title}", "draft made: {title}"),
    "draft_said_handover": (
        "{areas} diserahkan dari {giver} kepada {receiver}",
        "{areas} handed from {giver} to {receiver}",
    ),
    "draft_said_compose": ("{name} disusun dari {areas}", "{name} put together from {areas}"),
    "draft_said_replace": ("{name} digambar ulang", "{name} drawn anew"),
    "draft_said_split": ("{name} dibagi; bagian baru: {new}", "{name} split; the new part: {new}"),
    "draft_said_end": ("{name} berakhir", "{name} ends"),
    "draft_said_end_to": (
        "{name} berakhir; wilayahnya kepada {receiver}",
        "{name} ends; its ground goes to {receiver}",
    ),
    "draft_said_priority": ("{name}: prioritas {priority}", "{name}: priority {priority}"),
    "draft_said_rename": ("{name} menjadi {new}", "{name} becomes {new}"),
    "draft_said_restore": ("{name} dikembalikan seperti semula", "{name} as it was"),
    "draft_said_restore_all": ("semua perubahan dihapus", "all changes dropped"),
    "draft_said_proposed": ("diajukan, berlaku {at}: {reason}", "proposed, in force from {at}: {reason}"),
    "draft_said_signed": ("ditandatangani {office} untuk {names}", "signed by {office} for {names}"),
    "draft_said_scheduled": ("semua pihak menandatangani; berlaku {at}", "signed by all sides; in force from {at}"),
    "draft_said_withdrawn": ("ditarik: {reason}", "withdrawn: {reason}"),
    "draft_said_rebased": ("digambar ulang di atas batas terbaru", "drawn again on the newest boundaries"),
    "draft_said_rebased_dropped": (
        "digambar ulang di atas batas terbaru; {n} suntingan tidak lagi cocok",
        "drawn again on the newest boundaries; {n} edits no longer fit",
    ),
    "draft_said_begins": (
        "{name} versi {version} berlaku {at} ({by}: {reason})",
        "{name} version {version} in force from {at} ({by}: {reason})",
    ),
    "draft_said_ends": ("{name} berakhir {at} ({by}: {reason})", "{name} ends {at} ({by}: {reason})"),
    "draft_said_by": ("{what} ({by}, {at})", "{what} ({by}, {at})"),
}
