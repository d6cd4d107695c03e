"""A second city, made on the fly: San Francisco, from polygons and a dispatch log that are not of this project.

Nothing in it was prepared for Siaga: ten police districts, 41 neighbourhoods, no roads, no kecamatan, another time
zone, another metric CRS, driving on the right. Stations are guesses: the middle of each police district, and of each
fire station's area the call nearest to the middle of all its calls.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

METRIC_SRID = 32610
TIME_ZONE = "America/Los_Angeles"
FALLBACK_M = 300.0
CALLS = "sf_fire_dispatch_2020.parquet"
NEIGHBOURHOODS = "sf_analysis_neighborhoods.geojson"
DISTRICTS = "sf_police_districts.geojson"

CITY = f"""code = "san-francisco"
name = "San Francisco"
country = "US"
time_zone = "{TIME_ZONE}"
languages = ["en", "id"]
metric_srid = {METRIC_SRID}
bbox = [-122.55, 37.68, -122.33, 37.86]
drive_side = "right"
number_prefix = "SF"
fallback_m = {{fallback_m}}
holes_allowed = true  # the districts leave out the water between the piers

[handoff]
government = "California Office of Emergency Services"
number = "911"
reach_km = 40

[[areas]]
file = "{NEIGHBOURHOODS}"
level = "kelurahan"
code_field = "name"
source = "DataSF, analysis neighborhoods"
"""

JURISDICTIONS = f"""valid_from = 2020-01-01
source = "DataSF"

[[jurisdiction]]
agency = "PD"
service = "police"
file = "{DISTRICTS}"
code_field = "district"
name_field = "district"

[[jurisdiction]]
agency = "PD"
service = "police"
code = "HEADQUARTERS"
name = "Police headquarters"
area = "city"
is_citywide = true
"""
CITYWIDE = """
[[jurisdiction]]
agency = "FD"
service = "{service}"
code = "FD"
name = "Fire department"
area = "city"
"""

SERVICES = [
    ("police", "Kepolisian", "Police"),
    ("fire", "Pemadam kebakaran", "Fire"),
    ("medical", "Ambulans", "Ambulance"),
    ("rescue", "Penyelamatan", "Rescue"),
]
AGENCIES = [
    ("PD", "Kepolisian San Francisco", "San Francisco Police", "city", "police", "911"),
    ("FD", "Pemadam San Francisco", "San Francisco Fire", "city", "fire medical rescue", "911"),
]
NEIGHBOURS = [
    ("San Mateo County", "911", -122.4702, 37.6879, "Daly City, about"),
    ("Alameda County", "911", -122.2712, 37.8044, "Oakland, about"),
    ("Marin County", "911", -122.5093, 37.8687, "Marin City, about"),
]

# Call type of the log → Indonesian name, service that leads, word that tells it.
TYPES = {
    "Medical Incident": ("Medis", "medical", "medical|chest pain"),
    "Alarms": ("Alarm", "fire", "alarm"),
    "Structure Fire": ("Kebakaran bangunan", "fire", "structure fire"),
    "Traffic Collision": ("Kecelakaan lalu lintas", "medical", "collision"),
    "Outside Fire": ("Kebakaran di luar", "fire", "outside fire"),
    "Other": ("Lain-lain", "fire", "other"),
    "Citizen Assist / Service Call": ("Bantuan warga", "fire", "assist"),
    "Gas Leak (Natural and LP Gases)": ("Kebocoran gas", "fire", "gas leak"),
    "Water Rescue": ("Penyelamatan di air", "rescue", "water rescue"),
    "Smoke Investigation (Outside)": ("Asap di luar", "fire", "smoke"),
    "Vehicle Fire": ("Kebakaran kendaraan", "fire", "vehicle fire"),
    "Electrical Hazard": ("Bahaya listrik", "fire", "electrical"),
    "Elevator / Escalator Rescue": ("Terjebak lift", "rescue", "elevator|escalator"),
    "Assist Police": ("Bantu polisi", "police", "assist police"),
    "Odor (Strange / Unknown)": ("Bau tak dikenal", "fire", "odor"),
    "Fuel Spill": ("Tumpahan bahan bakar", "fire", "fuel"),
}

EXAMPLES = {
    "fire": ("STRUCTURE_FIRE", 1, "2020-04-07 10:00", -122.4079, 37.7844),
    "medical": ("MEDICAL_INCIDENT", 2, "2020-04-08 23:10", -122.4197, 37.7650),
}


def type_code(call_type: str) -> str:
    """Return the code of a call type of the log."""
    words = "".join(letter if letter.isalnum() else " " for letter in call_type.upper()).split()
    return "_".join(words)[:40]


def read_calls(geodata: Path) -> pd.DataFrame:
    """Return the log's distinct calls, the first unit's row of each, in order of their numbers.

    `received` is local and naive in the file; here it is aware.
    """
    rows = pd.read_parquet(geodata / "incidents" / CALLS)
    calls = rows.sort_values(["call_number", "unit_sequence"]).drop_duplicates("call_number", ignore_index=True)
    calls["received"] = calls["received"].dt.tz_localize(TIME_ZONE)
    return calls


def build_san_francisco(folder: Path, geodata: Path, *, fallback_m: float = FALLBACK_M) -> Path:
    """Make the city folder and return it; `check_city` has nothing to say about it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (NEIGHBOURHOODS, DISTRICTS):
        shutil.copy(geodata / "incidents" / name, folder / name)
    (folder / "city.toml").write_text(CITY.format(fallback_m=fallback_m))
    citywide = "".join(CITYWIDE.format(service=service) for service in ("fire", "medical", "rescue"))
    (folder / "jurisdictions.toml").write_text(JURISDICTIONS + citywide)
    write(folder / "services.csv", "code,name_id,name_en", SERVICES)
    write(folder / "agencies.csv", "code,name_id,name_en,kind,services,phone", AGENCIES)
    write(folder / "neighbours.csv", "name,number,lon,lat,source", NEIGHBOURS)
    write(
        folder / "incident_types.csv",
        "code,family,name_id,name_en,lane,severity,words",
        [
            (type_code(name), kind.upper(), name_id, name, "D", 2, words)
            for name, (name_id, kind, words) in TYPES.items()
        ],
    )
    write(folder / "sop.csv", "type,severity,condition,service,role,ack_s,valid_from,source", list(sop()))
    write(
        folder / "sop_examples.csv",
        "sentence,type,severity,at,lon,lat,lead,support,inform",
        [
            ("Structure fire, Powell and Market", *EXAMPLES["fire"], "FD", "FD PD", ""),
            ("Chest pain, 16th and Mission", *EXAMPLES["medical"], "FD", "", "PD:MISSION"),
        ],
    )
    write(
        folder / "ladder.csv",
        "lane,severity,level,after_s,whom_id,whom_en",
        [("D", "1-4", 0, 0, "Meja piket", "Desk"), ("D", "1-4", 1, 60, "Kepala jaga", "Watch commander")],
    )
    write(
        folder / "stations.csv",
        "code,name,agency,service,jurisdiction,profile,lon,lat,accuracy_m,source",
        [*police_stations(geodata), *fire_stations(geodata)],
    )
    return folder


def write(path: Path, header: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Write a table."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header.split(","), *rows])


def sop() -> Iterable[tuple[object, ...]]:
    """Yield the SOP: the type's service leads, the ambulance comes to fires, the police come or are told."""
    for name, (_, lead, _) in TYPES.items():
        roles = {"medical": "support" if lead in ("fire", "rescue") else "", "police": "support"} | {lead: "lead"}
        roles["police"] = "inform" if lead == "medical" and name == "Medical Incident" else roles["police"]
        for service, role in roles.items():
            if role:
                ack_s = "" if role == "inform" else "60/120/300/600"
                yield type_code(name), "1-4", "", service, role, ack_s, "2020-01-01", "invented for tests"


def police_stations(geodata: Path) -> Iterable[tuple[object, ...]]:
    """Yield a station in the middle of each district, and the headquarters."""
    districts = gpd.read_file(geodata / "incidents" / DISTRICTS)
    for code, point in zip(districts["district"], districts.geometry.representative_point(), strict=True):
        place = (round(point.x, 5), round(point.y, 5), 2000, "middle of the district")
        yield f"PD-{code}", f"{code.title()} station", "PD", "police", code, "car", *place
    yield "PD-HQ", "Headquarters", "PD", "police", "", "car", -122.3893, 37.7725, 500, "about"


def fire_stations(geodata: Path) -> Iterable[tuple[object, ...]]:
    """Yield a fire engine, an ambulance and (every fifth) a rescue squad for each station area of the log."""
    calls = read_calls(geodata)
    metres = gpd.GeoSeries(gpd.points_from_xy(calls["lon"], calls["lat"]), crs=4326).to_crs(METRIC_SRID)
    calls = calls.assign(x=metres.x, y=metres.y)
    for number, (area, group) in enumerate(calls.groupby("station_area")):
        off_m = np.hypot(group["x"] - group["x"].median(), group["y"] - group["y"].median())
        call = group.loc[off_m.idxmin()]
        place = (round(call["lon"], 5), round(call["lat"], 5), 1000, "middle of its calls")
        yield f"FD-{area:02d}", f"Station {area}", "FD", "fire", "", "fire_engine", *place
        yield f"FD-{area:02d}-M", f"Ambulance {area}", "FD", "medical", "", "ambulance", *place
        if number % 5 == 0:
            yield f"FD-{area:02d}-R", f"Rescue squad {area}", "FD", "rescue", "", "fire_engine", *place
