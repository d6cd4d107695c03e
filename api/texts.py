"""What the HTTP door says, in Indonesian and English."""

from __future__ import annotations

from gis.words import Language

# Title and general detail of each kind of problem; the kind is the stable end of its `type`.
TITLES: dict[str, tuple[str, str]] = {
    "syntax": ("Permintaan tidak terbaca", "The request cannot be read"),
    "unauthenticated": ("Perlu masuk", "Authentication needed"),
    "forbidden": ("Tidak diizinkan", "Not allowed"),
    "not-found": ("Tidak ditemukan", "Not found"),
    "method": ("Metode tidak tersedia", "Method not available"),
    "timeout": ("Isi tidak selesai dikirim", "The body did not arrive in time"),
    "conflict": ("Bertentangan dengan keadaan sekarang", "In conflict with the current state"),
    "too-large": ("Isi terlalu besar", "The body is too large"),
    "values": ("Nilai tidak dapat diterima", "Values cannot be accepted"),
    "too-many": ("Terlalu sering", "Too many tries"),
    "unavailable": ("Layanan sedang tidak tersedia", "The service is not available now"),
    "internal": ("Kesalahan pada Siaga", "An error inside Siaga"),
}

_TEXTS: dict[str, tuple[str, str]] = {
    # details
    "unauthenticated": (
        "Kirim token yang berlaku: Authorization: Bearer siaga_….",
        "Send a valid token: Authorization: Bearer siaga_….",
    ),
    "token-refused": (
        "Token tidak dikenal, sudah berakhir, atau dicabut; minta yang baru kepada admin (./siaga token add).",
        "The token is unknown, expired or revoked; ask the administrator for a new one (./siaga token add).",
    ),
    "session-needed": ("Sesi tidak ada atau sudah berakhir; masuk lagi di /login.", "No session; log in at /login."),
    "forbidden": ("Peran Anda tidak boleh melakukan ini.", "Your role may not do this."),
    "role-needed": (
        "Peran {role} tidak boleh melakukan ini; perlu: {roles}.",
        "Role {role} may not do this; needed: {roles}.",
    ),
    "origin": (
        "Permintaan datang dari situs lain; Origin harus sama dengan alamat ini.",
        "The request comes from another site; Origin must equal this address.",
    ),
    "header-siaga": ("Header X-Siaga: 1 tidak ada.", "The header X-Siaga: 1 is missing."),
    "host": ("Nama host ini tidak dilayani.", "This host name is not served."),
    "forwarded": (
        "Hanya dapat dibaca langsung di mesin ini, bukan lewat proxy.",
        "Only readable on this machine itself, not through a proxy.",
    ),
    "not-found": (
        "Tidak ada di sini, atau bukan milik Anda. Periksa alamat dan id.",
        "Not here, or not yours. Check the address and the id.",
    ),
    "method": ("Alamat ini hanya menerima {allowed}.", "This address takes {allowed} only."),
    "conflict": (
        "Data telah berubah atau perubahan ini tidak mungkin sekarang; baca lagi lalu ulangi.",
        "The data changed, or this change is not possible now; read again and repeat.",
    ),
    "too-large": (
        "Isi melebihi {limit} byte; kirim foto dan berkas secara terpisah.",
        "The body is over {limit} bytes; send photos and files separately.",
    ),
    "timeout": ("Isi tidak selesai dalam {seconds} detik.", "The body was not complete within {seconds} seconds."),
    "values": ("Perbaiki isian pada errors, lalu kirim lagi.", "Mend the fields listed in errors, then send again."),
    "value-refused": (
        "Suatu nilai tidak dapat disimpan; periksa angka dan teks.",
        "A value cannot be stored; check numbers and texts.",
    ),
    "too-many": ("Terlalu banyak percobaan gagal; tunggu satu menit.", "Too many failed tries; wait a minute."),
    "unavailable": (
        "Basis data atau bagian lain sedang tidak terjangkau; kirim lagi dengan kunci yang sama.",
        "The database or another part cannot be reached now; send again with the same key.",
    ),
    "internal": (
        "Kesalahan dicatat dengan nomor {id}; sampaikan nomor ini kepada admin.",
        "The error was logged as {id}; give this number to the administrator.",
    ),
    # syntax of a body
    "body-empty": ("Isi kosong; kirim objek JSON.", "The body is empty; send a JSON object."),
    "body-utf8": ("Isi bukan UTF-8 (byte {position}).", "The body is not UTF-8 (byte {position})."),
    "body-json": (
        "JSON salah pada baris {line}, kolom {column}: {what}.",
        "The JSON is wrong at line {line}, column {column}: {what}.",
    ),
    "body-comma": (
        "JSON salah pada baris {line}, kolom {column}: tulis angka dengan titik desimal, misalnya 122.49985.",
        "The JSON is wrong at line {line}, column {column}: write numbers with a decimal point, such as 122.49985.",
    ),
    "body-object": ("Isi harus satu objek JSON {{…}}.", "The body must be one JSON object {{…}}."),
    "body-deep": ("JSON bersarang terlalu dalam.", "The JSON is nested too deeply."),
    "body-twice": ("Isian “{field}” muncul dua kali.", "The field “{field}” appears twice."),
    "key-missing": (
        "Header Idempotency-Key tidak ada; pakai satu kunci acak per laporan dan kunci yang sama saat mengulang.",
        "The header Idempotency-Key is missing; use one random key per report and the same one when repeating.",
    ),
    # reasons and hints of single fields
    "given-twice": ("diberikan lebih dari sekali", "given more than once"),
    "given-twice-hint": ("kirim sekali saja", "send it once"),
    "not-integer": ("bukan bilangan bulat", "not a whole number"),
    "not-boolean": ("bukan true atau false", "neither true nor false"),
    "not-time": ("bukan waktu RFC 3339", "not an RFC 3339 time"),
    "not-time-hint": ("contoh: 2026-01-31T13:05:00+08:00", "for example 2026-01-31T13:05:00+08:00"),
    "naive-time": ("tidak memuat selisih zona waktu", "has no time-zone offset"),
    "naive-time-hint": (
        "tambahkan selisihnya, misalnya +08:00; dalam URL tulis %2B08:00",
        "add the offset, such as +08:00; in a URL write %2B08:00",
    ),
    "too-large-number": ("terlalu besar", "too large"),
    "too-small-number": ("terlalu kecil", "too small"),
    "at-most": ("paling besar {limit}", "at most {limit}"),
    "at-most-characters": ("paling banyak {limit} karakter", "at most {limit} characters"),
    "at-least": ("paling kecil {limit}", "at least {limit}"),
    "bad-pattern": ("bentuknya salah", "has the wrong form"),
    "cursor-hint": ("angka saja; mulai lagi dengan 0", "digits only; begin again with 0"),
    "bad-value": ("nilai tidak dapat diterima", "value not accepted"),
    "bbox": ("bukan empat angka west,south,east,north", "not four numbers west,south,east,north"),
    "bbox-hint": (
        "derajat EPSG:4326, west < east dan south < north, misalnya 122.4,-4.1,122.7,-3.9",
        "degrees EPSG:4326, west < east and south < north, such as 122.4,-4.1,122.7,-3.9",
    ),
}


def text(key: str, language: Language, **parameters: object) -> str:
    """Return one text with its parameters filled in."""
    return _pick(_TEXTS[key], language).format(**parameters)


def title(kind: str, language: Language) -> str:
    """Return the title of a kind of problem."""
    return _pick(TITLES[kind], language)


def _pick(pair: tuple[str, str], language: Language) -> str:
    return pair[1] if language == Language.EN else pair[0]


def preferred(accept_language: str) -> Language:
    """Return the language an ``Accept-Language`` header prefers (RFC 9110 §12.5.4); Indonesian unless English wins."""
    best, best_weight = Language.ID, 0.0
    for item in accept_language[:500].split(","):
        tag, _, rest = item.strip().partition(";")
        weight = 1.0
        if rest.strip().startswith("q="):
            try:
                weight = float(rest.strip()[2:])
            except ValueError:
                weight = 0.0
        name = tag.strip().lower().partition("-")[0]
        if name in list(Language) and weight > best_weight:
            best, best_weight = Language(name), weight
    return best
