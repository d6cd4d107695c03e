"""Check a file: an uploaded layer judged in a child process, every finding listed and on the map, a repair to look at.

Nothing is written by itself. What is accepted becomes a draft of boundaries, or a file to download.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.boundary_report import findings_of, outlines_of, repair_of
from dashboard.boundary_services import CHECKERS, FileChoice, FileServices, services_with_boundaries
from dashboard.components.maps import city_map, show_view
from dashboard.pages.operator import center
from dashboard.services import Services
from dashboard.text import texts
from dashboard.text_boundary_file import FILE, t
from data.polygon_repair import DEFAULT_TOLERANCE_M
from gis.errors import PlatformError, UnavailableError

KINDS = ["geojson", "json", "gpkg", "zip", "kml", "parquet", "geoparquet"]
LEVELS = ("kelurahan", "kecamatan")
MAP_HEIGHT = "calc(100vh - 4.6rem)"
KEPT = "boundary_file_kept"
SHARED = ("demo_data", "boundaries_approximate", "unit_s", "unit_min", "unit_h", "unit_d", "map", "more_rows")


def render(services: Services) -> None:
    """Show the page."""
    services.me.actor.require(*CHECKERS)
    language = services.me.language
    files = FileServices(services.engine)
    side, main = st.columns([1, 3.1], gap="medium")
    with side:
        upload = st.file_uploader(t("f_file", language), KINDS, key="boundary_file", help=t("f_formats", language))
        choice = _choose(services, files, language)
        asked = None if upload is None else _key(upload.name, upload.getvalue(), choice)
        if st.button(t("f_check", language), type="primary", disabled=upload is None, width="stretch"):
            assert upload is not None
            _judge(services, files, upload.name, upload.getvalue(), choice, language)
        kept = st.session_state.get(KEPT)
        if kept is not None and kept["key"] == asked:
            assert upload is not None
            _repair(services, files, upload.name, upload.getvalue(), choice, kept, language)
    with main:
        if kept is None or kept["key"] != asked:
            st.info(t("f_hint", language))
            return
        if kept["problem"]:
            # Text of a file may hold anything; as code it is shown as it stands.
            st.error(t("f_unreadable", language))
            st.code(kept["problem"], language=None, wrap_lines=True)
            return
        _show(services, kept, language)


def _choose(services: Services, files: FileServices, language: str) -> FileChoice:
    """Let the person say what the file holds."""
    account = services.me.account
    kinds = ["jurisdictions", *LEVELS] if not account.agency else ["jurisdictions"]
    kind = st.selectbox(
        t("f_holds", language), kinds, key=f"bf_kind_{language}", format_func=lambda code: t(f"f_{code}", language)
    )
    service = agency = ""
    if kind == "jurisdictions":
        served = _served(services)
        names = services.service_names(language)
        service = st.selectbox(
            t("f_service", language), served, key="bf_service", format_func=lambda code: names.get(code, code)
        )
        if account.agency:
            agency = account.agency
        else:
            agency = st.selectbox(t("f_agency", language), files.agencies(service), key=f"bf_agency_{service}") or ""
    with st.expander(t("f_columns", language)):
        code = st.text_input(t("f_code_field", language), key="bf_code", max_chars=100)
        name = st.text_input(t("f_name_field", language), key="bf_name", max_chars=100)
        crs = st.text_input(t("f_crs", language), key="bf_crs", placeholder="EPSG:32751", max_chars=200)
    return FileChoice(
        level="" if kind == "jurisdictions" else str(kind),
        service=service,
        agency=agency,
        code_field=code.strip(),
        name_field=name.strip(),
        crs=crs.strip(),
    )


def _served(services: Services) -> list[str]:
    return services_with_boundaries(services.engine, services.me.actor)


def _key(name: str, content: bytes, choice: FileChoice) -> str:
    return hashlib.sha256(content).hexdigest() + name + repr(choice)


def _judge(
    services: Services, files: FileServices, name: str, content: bytes, choice: FileChoice, language: str
) -> None:
    """Judge the file and keep what was found for this session; a repair of before no longer counts."""
    kept: dict[str, Any] = {"key": _key(name, content, choice), "name": name, "problem": "", "repair": None}
    with st.spinner(t("f_checking", language)):
        try:
            found = files.judge(name, content, choice, services.me.actor)
            kept |= {
                "findings": findings_of(found),
                "n_findings": len(found.findings),
                "outlines": outlines_of(found.rows),
                "coverage": found.coverage,
                "counts": found.counts,
                "crs": found.crs,
                "rows": found.rows[["code", "name", "is_valid", "geometry"]],
                "is_refused": found.is_refused,
                "report": json.dumps(found.as_dict(), ensure_ascii=False, indent=1, default=str),
            }
        except UnavailableError:
            raise
        except PlatformError as error:
            kept["problem"] = str(error)
    st.session_state[KEPT] = kept


def _repair(
    services: Services,
    files: FileServices,
    name: str,
    content: bytes,
    choice: FileChoice,
    kept: dict[str, Any],
    language: str,
) -> None:
    """Offer a repair as a preview, and what may be done with the file as it is and as it would be."""
    if kept["problem"]:
        return
    st.divider()
    tolerance = st.select_slider(
        t("f_tolerance", language), (1, 2, 5, 10, 20, 50, 100), int(DEFAULT_TOLERANCE_M), key="bf_tolerance",
        format_func=lambda metres: f"{metres} m",
    )  # fmt: skip
    if st.button(t("f_propose", language), width="stretch"):
        with st.spinner(t("f_repairing", language)):
            try:
                made, layer = files.mend(name, content, choice, services.me.actor, tolerance_m=float(tolerance))
                kept |= {"repair": repair_of(made), "layer": layer, "mended": made.layer}
                kept["repair_problem"] = ""
            except UnavailableError:
                raise
            except PlatformError as error:
                kept |= {"repair": None, "repair_problem": str(error)}
    if kept.get("repair_problem"):
        st.code(kept["repair_problem"], language=None, wrap_lines=True)
    repaired = kept["repair"] is not None and kept["repair"]["is_possible"]
    if repaired:
        st.caption(t("f_preview", language))
        mended_name = f"{Path(name).stem[:60]}-{t('f_repaired', language)}.geojson"
        st.download_button(
            t("f_download", language), kept["layer"], mended_name, mime="application/geo+json", width="stretch"
        )
    st.download_button(
        t("f_report", language), kept["report"], file_name="siaga-report.json", mime="application/json", width="stretch"
    )
    if not choice.level and (repaired or not kept["is_refused"]):
        _draft(services, files, name, choice, kept, repaired=repaired, language=language)


def _draft(
    services: Services,
    files: FileServices,
    name: str,
    choice: FileChoice,
    kept: dict[str, Any],
    *,
    repaired: bool,
    language: str,
) -> None:
    """Offer a draft of the file's shapes: the repaired ones where there is a repair."""
    st.caption(t("f_draft_hint", language))
    if st.button(t("f_draft_repaired" if repaired else "f_draft", language), width="stretch"):
        rows = kept["rows"][["code", "name", "geometry"]]
        if repaired:
            rows = rows.assign(geometry=kept["mended"].geometry.to_numpy())
        with st.spinner(t("f_drafting", language)):
            try:
                title = t("f_title", language, name=name)[:200]
                kept["draft"] = files.to_draft(title, choice, rows, services.me.actor, language)
                kept["draft_problem"] = ""
            except UnavailableError:
                raise
            except PlatformError as error:
                kept["draft_problem"] = str(error)
    if kept.get("draft_problem"):
        st.code(kept["draft_problem"], language=None, wrap_lines=True)
    elif kept.get("draft"):
        draft_id, n = kept["draft"]
        st.success(t("f_drafted", language, n=n))
        st.link_button(
            t("f_open_draft", language), f"/boundaries?view=drafts&service={choice.service}&draft={draft_id}"
        )


def _show(services: Services, kept: dict[str, Any], language: str) -> None:
    """Show findings, file and repair beside the map."""
    m = city_map(center(services.city()), zoom=12, is_canvas=False)
    words = texts(language)
    text = {key: pair[language == "en"] for key, pair in FILE.items()} | {key: words[key] for key in SHARED}
    data = {name: kept[name] for name in ("name", "findings", "n_findings", "outlines", "coverage", "repair", "crs")}
    show_view(
        m, "boundary_report", mode="report", script="js/boundaryreport.js", language=language, text=text,
        data={"report": data, "height": MAP_HEIGHT},
    )  # fmt: skip
