"""Codes and names of a file beside those that are known: the city's own, or a reference layer's."""

from __future__ import annotations

import difflib
import re
import unicodedata

import geopandas as gpd
import pandas as pd
import shapely

from data.polygon_findings import Kind, PolygonFinding, place_of

KINDS = ("kelurahan", "kel", "desa", "kecamatan", "kec", "kabupaten", "kab", "kota")


def plain(name: str) -> str:
    """Return a name as it is compared: case, accents' encoding, hyphens and the word before it do not matter.

    "Kelurahan Wua-Wua" is "Wua Wua". A blank does: "Benuanirae" and "Benua Nirae" are two spellings, and a search for
    one misses the other.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    spaced = re.sub(r"[\s\-‐-―_.,']+", " ", folded).strip()
    return re.sub(rf"^({'|'.join(KINDS)}) (?=\S)", "", spaced)


def best_column(reference: gpd.GeoDataFrame, codes: set[str]) -> str | None:
    """Return the column of a reference layer whose values are the most of the file's codes, `None` if none is any."""
    columns = [name for name in reference.columns if name != reference.geometry.name]
    shared = {name: len(codes & set(reference[name].dropna().astype(str).str.strip())) for name in columns}
    best = max(columns, key=lambda name: shared[name], default=None)
    return best if best is not None and shared[best] else None


def check_names(rows: gpd.GeoDataFrame, known: pd.DataFrame, *, source: str) -> list[PolygonFinding]:
    """Report codes nobody knows, areas the file lacks, and names that differ.

    Parameters
    ----------
    rows
        As of `data.polygon_table`.
    known
        Columns `code` (may be missing), `name`, `geometry` (may be missing): what there should be.
    source
        Who knows them, for the sentences: ``the city``, ``reference.geojson``.
    """
    if known.empty:
        return []
    names = {str(code): str(name) for code, name in zip(known["code"], known["name"], strict=True) if pd.notna(code)}
    given = {code for code in rows["code"] if code}
    if given and not given & set(names):
        sample, theirs = sorted(given)[0], sorted(names)[:1]
        return [
            PolygonFinding(
                kind=Kind.UNKNOWN_CODE,
                row=int(rows["row"].iloc[0]),
                field="code",
                value=sample,
                level="warning",
                reason=f"none of the {len(given)} codes is known to {source}",
                hint=f"its codes look like {theirs[0]}; is it another column?" if theirs else "it has no codes",
            )
        ]
    return [*unknown_codes(rows, names, source), *differing_names(rows, names, source), *missing(rows, known, source)]


def unknown_codes(rows: gpd.GeoDataFrame, names: dict[str, str], source: str) -> list[PolygonFinding]:
    """Report codes that are not known, with the code of the same name, or the nearest spelling."""
    by_name = {plain(name): code for code, name in names.items()}
    findings = []
    for row, code, name, shape in rows[["row", "code", "name", "geometry"]].itertuples(index=False):
        if not code or code in names:
            continue
        same = by_name.get(plain(name))
        close = difflib.get_close_matches(code, names, n=1, cutoff=0.8)
        hint = (
            f"{same} has that name" if same else f"is {close[0]} ({names[close[0]]}) meant?" if close else "a new one?"
        )
        findings.append(
            PolygonFinding(
                kind=Kind.UNKNOWN_CODE,
                row=int(row),
                field="code",
                value=code,
                level="warning",
                reason=f"code {code} is not known to {source}",
                hint=hint,
                **_drawn(shape),
            )
        )
    return findings


def differing_names(rows: gpd.GeoDataFrame, names: dict[str, str], source: str) -> list[PolygonFinding]:
    """Report names that another knows otherwise under the same code."""
    return [
        PolygonFinding(
            kind=Kind.NAME,
            row=int(row),
            field="name",
            value=name,
            level="warning",
            reason=f"{code} is named {name!r} here, {names[code]!r} by {source}",
            hint="which of the two is official? an import takes the file's; a repair leaves names alone",
            **_drawn(shape),
        )
        for row, code, name, shape in rows[["row", "code", "name", "geometry"]].itertuples(index=False)
        if name and code in names and plain(name) != plain(names[code])
    ]


def missing(rows: gpd.GeoDataFrame, known: pd.DataFrame, source: str) -> list[PolygonFinding]:
    """Report what is known and not in the file, neither by code nor by name."""
    codes = set(rows["code"])
    there = {plain(name) for name in rows["name"]}
    findings = []
    for known_row in known.itertuples():
        code, name = known_row.code, str(known_row.name)
        if (pd.notna(code) and str(code) in codes) or plain(name) in there:
            continue
        label = f"{code} {name}" if pd.notna(code) else name
        shape = getattr(known_row, "geometry", None)
        findings.append(
            PolygonFinding(
                kind=Kind.MISSING,
                field="code",
                value=None if pd.isna(code) else str(code),
                level="warning",
                reason=f"{label} of {source} is not in the file",
                hint="its ground is in the file under another name, or is missing",
                **_drawn(shape),
            )
        )
    return findings


def _drawn(shape: shapely.Geometry | None) -> dict[str, object]:
    """Return piece and place of a finding about a whole polygon."""
    if shape is None or shape.is_empty or not shape.is_valid:
        return {}
    return {"piece": shape, **place_of(shape)}
