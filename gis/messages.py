"""What is said to people about an input: one key, Indonesian and English.

Placeholders are filled with `str.format`; values a client sent are shortened before they get here.
"""

from __future__ import annotations

from gis.boundary_messages import BOUNDARY_MESSAGES
from gis.objection_messages import OBJECTION_MESSAGES

MESSAGES: dict[str, tuple[str, str]] = {
    "required": ("wajib diisi", "is required"),
    "unknown_field": ("kolom tidak dikenal", "unknown field"),
    "did_you_mean": ("maksud Anda {name}?", "did you mean {name}?"),
    "known_fields": ("kolom yang dikenal: {names}", "known fields: {names}"),
    "wrong_type": ("harus berupa {expected}", "must be {expected}"),
    "one_of": ("tidak dikenal; pilih salah satu: {allowed}", "unknown; choose one of: {allowed}"),
    "choose": ("pilih salah satu: {allowed}", "choose one of: {allowed}"),
    "unknown_type": ("jenis kejadian tidak dikenal", "unknown incident type"),
    "not_finite": ("harus bilangan terhingga", "must be a finite number"),
    "lon_range": ("bujur harus antara -180 dan 180", "longitude must be between -180 and 180"),
    "lat_range": ("lintang harus antara -90 dan 90", "latitude must be between -90 and 90"),
    "number_format": (
        "tulis sebagai bilangan dengan titik desimal, misalnya {example}",
        "write a number with a decimal point, for example {example}",
    ),
    "null_island": ("posisi (0, 0) bukan tempat laporan", "position (0, 0) is not where a report comes from"),
    "null_island_hint": ("pilih titik pada peta", "choose the point on the map"),
    "swapped": (
        "titik di luar wilayah layanan, tetapi lon dan lat tertukar akan berada di dalamnya",
        "outside the service area, but with lon and lat swapped it lies inside",
    ),
    "flipped_lat": (
        "titik di luar wilayah layanan, tetapi dengan tanda lintang (lat) dibalik akan berada di dalamnya",
        "outside the service area, but with the sign of the latitude (lat) flipped it lies inside",
    ),
    "flipped_lon": (
        "titik di luar wilayah layanan, tetapi dengan tanda bujur (lon) dibalik akan berada di dalamnya",
        "outside the service area, but with the sign of the longitude (lon) flipped it lies inside",
    ),
    "flipped_both": (
        "titik di luar wilayah layanan, tetapi dengan tanda lon dan lat dibalik akan berada di dalamnya",
        "outside the service area, but with the signs of lon and lat flipped it lies inside",
    ),
    "mended": (
        "kirim lon={lon}, lat={lat}, atau confirm_position=true bila memang benar",
        "send lon={lon}, lat={lat}, or confirm_position=true if it is right",
    ),
    "need_place": ("isi lon dan lat, atau location_text", "give lon and lat, or location_text"),
    "place_unknown": (
        "tempat tidak ditemukan di daftar tempat kota",
        "the place is not in the city's list of places",
    ),
    "place_hint": (
        "pilih titik pada peta, atau maksud Anda: {names}",
        "choose the point on the map, or did you mean: {names}",
    ),
    "place_hint_map": ("pilih titik pada peta", "choose the point on the map"),
    "naive_time": ("waktu tanpa zona", "time without an offset"),
    "time_format": ("tulis RFC 3339, misalnya {example}", "write RFC 3339, for example {example}"),
    "future_time": ("waktu lebih dari 5 menit di depan", "more than 5 minutes ahead"),
    "clock_hint": ("periksa jam perangkat; sekarang {now}", "check the device's clock; it is now {now}"),
    "far_time": ("waktu setelah tahun 2200", "time after the year 2200"),
    "too_old_time": ("waktu sebelum tahun 2000", "time before the year 2000"),
    "whole_range": ("harus bilangan bulat {low} sampai {high}", "must be a whole number from {low} to {high}"),
    "range": ("harus antara {low} dan {high}", "must be between {low} and {high}"),
    "too_long": ("lebih dari {limit} karakter (ada {n})", "longer than {limit} characters (has {n})"),
    "control": ("berisi karakter kendali", "contains control characters"),
    "control_hint": ("hapus karakter pada posisi {at}", "remove the character at position {at}"),
    "key_required": ("header Idempotency-Key wajib", "header Idempotency-Key is required"),
    "key_required_hint": (
        "kirim satu kunci acak per laporan, kunci yang sama saat mengulang",
        "send one random key per report, the same when repeating",
    ),
    "key_length": ("1 sampai 255 karakter ASCII yang dapat dicetak", "1 to 255 printable ASCII characters"),
    "key_other_body": (
        "kunci ini sudah dipakai untuk laporan lain; pakai kunci baru untuk laporan baru",
        "this key was used for another report; use a new key for a new report",
    ),
    "closure_key_other_body": (
        "kunci ini sudah dipakai untuk penutupan lain; pakai kunci baru untuk penutupan baru",
        "this key was used for another closure; use a new key for a new closure",
    ),
    "attach_unknown": ("kejadian tujuan tidak ada", "no such incident to attach to"),
    "attach_unknown_hint": (
        "pakai incident_id dari possible_duplicates atau GET /v1/incidents",
        "use an incident_id of possible_duplicates or GET /v1/incidents",
    ),
    "attach_itself": ("kejadian tidak dapat digabung dengan dirinya", "an incident cannot be attached to itself"),
    "attach_ended": ("kejadian tujuan sudah berakhir", "the incident to attach to has ended"),
    "attach_drill": (
        "yang satu latihan, yang lain kejadian nyata: keduanya tidak digabung",
        "one is a drill and the other is real: the two are not joined",
    ),
    "nobody_outside": (
        "Tidak ada instansi, karena titik di luar wilayah layanan kota; alihkan ke {government}.",
        "No agency, because the point lies outside the city's service area; hand over to {government}.",
    ),
    "nobody_covers": (
        "Tidak ada instansi, karena tidak ada batas layanan ini yang mencakup titik.",
        "No agency, because no boundary of this service covers the point.",
    ),
    "nobody_then": (
        "Tidak ada instansi, karena saat itu belum ada batas yang berlaku; yang pertama berlaku sejak {first}.",
        "No agency, because no boundary was in force then; the first is in force from {first}.",
    ),
    "not_incident": ("jenis ini bukan kejadian", "this type is not an incident"),
    "stale": (
        "sudah diubah oleh pihak lain (versi {current}, dikirim {sent}); muat ulang dan coba lagi",
        "changed by somebody else (version {current}, sent {sent}); reload and try again",
    ),
    "backwards": ("status {old} tidak dapat menjadi {new}", "state {old} cannot become {new}"),
    "reason_required": ("alasan wajib diisi", "a reason is required"),
    "result_required": ("hasil penanganan wajib diisi", "a result is required"),
    "inform_ends": ("penugasan informasi berakhir pada 'dibaca'", "an informed agency's assignment ends at 'seen'"),
    "reopen_open": (
        "kejadian masih terbuka ({status}); yang dibuka kembali hanya yang selesai, ditutup, dibatalkan atau nihil",
        "the incident is open ({status}); only resolved, closed, cancelled and unfounded ones are reopened",
    ),
    "ended": ("kejadian sudah berakhir ({status})", "the incident has ended ({status})"),
    "assignment_unknown": ("tidak ada penugasan ini pada kejadian", "no such assignment of this incident"),
    "at_it": (
        "instansi ini sedang menangani ({state}); hanya yang menolak, belum menjawab atau selesai dapat dipanggil lagi",
        "this agency is at it ({state}); only one that declined, is silent or was done can be called again",
    ),
    "not_called": (
        "instansi ini hanya diberi tahu; tunjuk dengan appoint bila harus bertindak",
        "this agency is only informed; appoint it if it must act",
    ),
    "already_assigned": (
        "{name} sudah ditugaskan ({role}, {state}); panggil lagi dengan recall",
        "{name} has this part already ({role}, {state}); call it again with recall",
    ),
    "unknown_jurisdiction": (
        "tidak ada wilayah berkode ini yang berlaku sekarang",
        "no jurisdiction of this code is in force",
    ),
    "jurisdiction_hint": (
        "pakai kode dari GET /v1/incidents/{{id}}/appointable",
        "use a code of GET /v1/incidents/{{id}}/appointable",
    ),
    "needed_of_hint": ("kirim juga {name}", "send {name} as well"),
    "assignment_hint": (
        "pakai assignment_id dari GET /v1/incidents/{{id}}",
        "use an assignment_id of GET /v1/incidents/{{id}}",
    ),
    "accuracy_hint": (
        "radius ketidakpastian dalam meter, misalnya {example}",
        "radius of uncertainty in metres, for example {example}",
    ),
    "unknown_role": ("peran tidak dikenal", "unknown role"),
    "reason_hint": ("tulis alasannya dalam beberapa kata", "say why in a few words"),
    "needed_of": (
        "kode ini dipakai beberapa; sebutkan salah satu: {allowed}",
        "the code stands for several; name one of: {allowed}",
    ),
    "no_roads": (
        "belum ada jaringan jalan; impor dengan ./siaga import roads FILE.osm.pbf, lalu tunggu waktu tempuh dihitung",
        "there are no roads yet; import them with ./siaga import roads FILE.osm.pbf, then wait for their travel times",
    ),
    "no_road_leads": (
        "tidak ada jalan yang dapat dilalui kendaraan ini ke sana sekarang; mungkin ditutup",
        "no road this vehicle may drive leads there now; it may be closed",
    ),
    "straight_across": ("{distance} menyeberang {water}", "{distance} across {water}"),
    "detour_bridge": (
        "Garis lurus terdekat: {name}, {straight}, tetapi {minutes} menit lewat jembatan.",
        "Nearest in a straight line: {name}, {straight}, but {minutes} min over the bridge.",
    ),
    "detour_road": (
        "Garis lurus terdekat: {name}, {straight}, tetapi {minutes} menit lewat jalan ({distance}).",
        "Nearest in a straight line: {name}, {straight}, but {minutes} min by road ({distance}).",
    ),
    "detour_none": (
        "Garis lurus terdekat: {name}, {straight}, tetapi tidak ada jalan dari sana sekarang.",
        "Nearest in a straight line: {name}, {straight}, but no road leads from there now.",
    ),
    "off_road": ("lebih dari {limit} m dari jalan mana pun", "more than {limit} m from every road"),
    "unknown_station": (
        "tidak ada pos aktif dengan kode atau id ini",
        "no station in service has this code or id",
    ),
    "station_hint": ("kode dan id ada pada jawaban GET /v1/nearest", "codes and ids are in answers of GET /v1/nearest"),
    "point_format": ("bukan titik lon,lat", "not a point lon,lat"),
    "point_hint": ("derajat EPSG:4326, misalnya 122.49985,-3.9962", "degrees EPSG:4326, such as 122.49985,-3.9962"),
    "one_start": ("isi salah satu: {names}", "give one of: {names}"),
    "minutes_format": (
        "bukan daftar menit: 1 sampai {most} bilangan antara 0 dan {limit}",
        "not a list of minutes: 1 to {most} numbers between 0 and {limit}",
    ),
    "minutes_hint": ("misalnya 5,10,15", "such as 5,10,15"),
    "places_format": (
        "bukan daftar [lon, lat]: 1 sampai {limit} titik",
        "not a list of [lon, lat]: 1 to {limit} points",
    ),
    "too_many_pairs": (
        "{n} pasangan; paling banyak {limit} sekali minta",
        "{n} pairs; at most {limit} in one request",
    ),
    "open_assignments": (
        "masih ada instansi yang belum selesai: {agencies}; isi alasan untuk tetap menutup",
        "agencies are not done yet: {agencies}; give a reason to close all the same",
    ),
    # closures of streets
    "closure_place": ("isi geometry, atau lon dan lat", "give geometry, or lon and lat"),
    "closure_place_hint": (
        "garis atau poligon GeoJSON, atau satu titik pada jalan",
        "a GeoJSON line or polygon, or one point on a street",
    ),
    "closure_geometry": ("harus LineString atau Polygon GeoJSON", "must be a GeoJSON LineString or Polygon"),
    "closure_coordinates": (
        "harus daftar posisi (LineString) atau daftar cincin (Polygon)",
        "must be a list of positions (LineString) or of rings (Polygon)",
    ),
    "closure_vertices": ("lebih dari {limit} titik (ada {n})", "more than {limit} vertices (has {n})"),
    "closure_vertices_hint": ("sederhanakan gambarnya", "draw it simpler"),
    "closure_few": ("terlalu sedikit titik yang berbeda", "too few different vertices"),
    "closure_few_hint": (
        "garis perlu dua titik, poligon tiga; gambarkan lebih besar",
        "a line needs two, a polygon three; draw it larger",
    ),
    "closure_ring": ("cincin tidak tertutup", "the ring is not closed"),
    "closure_ring_hint": ("ulangi titik pertama di akhir", "repeat the first position at the end"),
    "closure_position": ("bukan posisi [lon, lat]", "not a position [lon, lat]"),
    "closure_position_hint": (
        "derajat EPSG:4326, bujur dahulu, misalnya [122.49985, -3.9962]",
        "degrees EPSG:4326, longitude first, for example [122.49985, -3.9962]",
    ),
    "closure_range": (
        "bujur harus antara -180 dan 180, lintang antara -90 dan 90",
        "longitude must be between -180 and 180, latitude between -90 and 90",
    ),
    "closure_swapped": ("bujur dan lintang tertukar", "longitude and latitude are swapped"),
    "closure_invalid": ("bentuknya tidak sah: {what}", "the shape is invalid: {what}"),
    "closure_invalid_hint": ("gambarkan tanpa garis yang saling memotong", "draw it without lines that cross"),
    "closure_small": ("terlalu kecil", "too small"),
    "closure_outside": ("di luar jaringan jalan kota", "outside the city's road network"),
    "closure_nothing": ("tidak menyentuh jalan mana pun", "touches no street"),
    "closure_nothing_for": (
        "tidak menyentuh jalan yang dapat dilalui {profiles}",
        "touches no street that {profiles} may drive",
    ),
    "closure_nothing_hint": (
        "gambarkan di sepanjang jalan, atau melintang sampai {beyond} m di kedua sisinya",
        "draw it along the street, or across it and {beyond} m beyond on both sides",
    ),
    "closure_click_hint": (
        "klik pada garis jalannya; terdekat {metres} m",
        "click on the line of the street; the nearest is {metres} m away",
    ),
    "closure_no_roads": (
        "jaringan jalan belum dimuat; muat dahulu dengan ./siaga import roads",
        "no road network is loaded; load one with ./siaga import roads first",
    ),
    "ends_before": ("berakhir sebelum dimulai", "ends before it begins"),
    "closure_until_past": ("sudah lewat", "is past"),
    "closure_until_hint": (
        "sekarang {example}; null berarti sampai dibuka kembali",
        "it is now {example}; null: until it is reopened",
    ),
    "closure_profiles": (
        "harus daftar jenis kendaraan, atau null untuk semua",
        "must be a list of vehicle profiles, or null for all",
    ),
    "closure_factor": ("harus lebih dari 1 dan paling besar {limit}", "must be more than 1 and at most {limit}"),
    "closure_factor_hint": ("berapa kali lebih lambat; null berarti ditutup", "how many times slower; null: shut"),
    "closure_warn_all": (
        "Penutupan ini menutup {percent} % jalan untuk {profile}: hampir tidak ada tempat yang dapat dicapai.",
        "This shuts {percent} % of the streets for {profile}: hardly any place can be reached.",
    ),
    "closure_warn_services": (
        "Semua pos layanan ini terputus: {names}.",
        "Every station of these services is cut off: {names}.",
    ),
    "closure_warn_stations": ("{n} pos terputus: {names}.", "Stations cut off ({n}): {names}."),
    "closure_warn_areas": ("{n} kelurahan terputus: {names}.", "Kelurahan cut off ({n}): {names}."),
    **BOUNDARY_MESSAGES,
    **OBJECTION_MESSAGES,
}

# What a `wrong_type` expected, where it is a word and not an example.
_EXPECTED: dict[object, tuple[str, str]] = {
    "number": ("angka", "a number"),
    "text": ("teks", "text"),
    "object": ("objek JSON", "a JSON object"),
}


def message(key: str, language: str, **values: object) -> str:
    """Return the text of `key` in `language` (`en`, else Indonesian).

    Raises
    ------
    KeyError
        No such message; a programming error that the tests look for.
    """
    column = 1 if language == "en" else 0
    if values.get("expected") in _EXPECTED:
        values["expected"] = _EXPECTED[values["expected"]][column]
    return MESSAGES[key][column].format(**values)
