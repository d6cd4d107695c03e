"""What is said about objections and about lists of points to check, Indonesian and English; part of `gis.messages`."""

from __future__ import annotations

OBJECTION_MESSAGES: dict[str, tuple[str, str]] = {
    "objection_waiting": (
        "keberatan atas penugasan ini sudah diajukan oleh {by} dan belum dijawab",
        "{by} has already objected to this assignment, and has no answer yet",
    ),
    "objection_answered": (
        "keberatan ini sudah dijawab oleh {by}; ajukan yang baru bila masih keliru",
        "{by} has answered this objection; a new one can be made if it is still wrong",
    ),
    "objection_unknown": ("tidak ada wilayah {code} pada layanan ini", "no jurisdiction {code} of this service"),
    "objection_own": (
        "adalah wilayah yang ditugaskan; sebutkan milik siapa seharusnya",
        "is the one that was called; name whose it should be",
    ),
    "objection_draft": ("tidak ada rancangan batas dengan id ini", "no boundary draft has this id"),
    "objection_draft_service": (
        "rancangan itu untuk layanan {service}",
        "that draft is for the service {service}",
    ),
    "objection_said": ("diajukan", "was made"),
    "objection_said_in_work": ("diperiksa", "was taken up"),
    "objection_said_answered": ("dijawab", "was answered"),
    "check_empty": ("kosong; baris pertama harus memuat nama kolom", "empty; the first line must name the columns"),
    "check_columns": (
        "kolom {missing} tidak ada; daftar ini memuat {names}",
        "column {missing} is missing; the list has {names}",
    ),
    "check_twice": ("kolom {names} muncul dua kali", "column {names} appears twice"),
    "check_many": ("lebih dari {limit} baris (ada {n})", "more than {limit} rows (has {n})"),
    "check_many_hint": ("bagi menjadi beberapa berkas", "split it into several files"),
    "check_names": (
        "{n} nama berbeda; kolom instansi atau wilayah memuat paling banyak {limit}",
        "{n} different names; a column of agencies or jurisdictions has at most {limit}",
    ),
    "check_no_rows": ("tidak ada baris di bawah nama kolom", "no row below the names of the columns"),
    "check_cells": (
        "baris {row}: {n} sel, sedangkan baris pertama menamai {names}",
        "row {row}: {n} cells, while the first line names {names}",
    ),
    "check_control": (
        "baris {row} berisi karakter yang bukan teks; simpan ulang daftar sebagai CSV UTF-8",
        "line {row} holds a character that is no text; save the list anew as CSV UTF-8",
    ),
    "check_csv": ("bukan CSV: {what}", "not CSV: {what}"),
    "check_number": ("{column} “{value}” bukan angka", "{column} “{value}” is not a number"),
    "check_range": ("{column} {value} di luar derajat EPSG:4326", "{column} {value} is out of range for degrees"),
    "check_swapped": ("{column} {value}: lon dan lat tertukar?", "{column} {value}: are lon and lat swapped?"),
    "check_accuracy": (
        "ketelitian “{value}” bukan 0 sampai {limit} meter",
        "accuracy “{value}” is not 0 to {limit} metres",
    ),
    "check_agrees": ("sama dengan daftar", "as the list says"),
    "check_differs": ("daftar menyebut {said}", "the list says {said}"),
    "check_differs_border": (
        "daftar menyebut {said}, yang batasnya {metres} dari titik",
        "the list says {said}, whose border is {metres} from the point",
    ),
    "check_unsure": (
        "daftar menyebut {said}, yang juga berada dalam ketelitian titik (±{metres})",
        "the list says {said}, which also lies within the point's accuracy (±{metres})",
    ),
    "check_unknown": ("“{said}” tidak dikenal pada layanan ini", "“{said}” is nobody's name in this service"),
    "check_nobody": (
        "tidak ada batas layanan ini di titik ini",
        "no boundary of this service is at this point",
    ),
    "check_no_service": ("layanan {service} tidak punya batas saat itu", "service {service} has no boundary then"),
}
