"""Geometry of a city folder: areas that overlap or leave gaps, jurisdictions that compete, stations out of reach."""

from __future__ import annotations

import geopandas as gpd
import shapely

from data.city import City
from data.city_areas import GROUND, union
from data.city_files import Findings
from data.coverage import TOLERANCE_M2, gaps, inner_lonlat, overlaps


def check_areas(city: City, findings: Findings) -> None:
    """Report overlaps and gaps among kelurahan and waters, and kecamatan that are not the sum of their kelurahan."""
    ground = city.areas[city.areas["level"].isin(GROUND)]
    if not (city.areas["level"] == "kelurahan").any():
        findings.say("admin_areas.geojson", None, "level", "no kelurahan", "the service area is made of them")
        return
    report_overlaps(city, ground, findings)
    report_gaps(city, ground, findings)
    upper = city.areas[city.areas["level"] == "kecamatan"]
    report_overlaps(city, upper, findings)
    for code, name, shape in zip(upper["code"], upper["name"], upper["geometry"], strict=True):
        parts = city.areas[(city.areas["parent_code"] == code) & (city.areas["level"] == "kelurahan")]
        if parts.empty:
            findings.say("admin_areas.csv", None, "parent_code", f"kecamatan {code} {name} has no kelurahan")
            continue
        whole, sum_of_parts = city.to_metres([shape, union(parts["geometry"])])
        differing_m2 = whole.symmetric_difference(sum_of_parts).area
        if differing_m2 > TOLERANCE_M2 + 1e-6 * whole.area:
            reason = f"kecamatan {code} {name} differs from its kelurahan by {differing_m2:,.0f} m²"
            findings.say("admin_areas.geojson", None, "geometry", reason, "dissolve it from the kelurahan")


def report_overlaps(city: City, areas: gpd.GeoDataFrame, findings: Findings) -> None:
    """Report pairs of areas that share more than a line."""
    codes, names = areas["code"].to_numpy(), areas["name"].to_numpy()
    for one, two, piece in overlaps(city.to_metres(areas["geometry"]).to_numpy()):
        lon, lat = inner_lonlat(piece, city.metric_srid)
        reason = f"{codes[one]} {names[one]} and {codes[two]} {names[two]} overlap by {piece.area:,.0f} m²"
        findings.say("admin_areas.geojson", None, "geometry", reason, "give both the same border", lon=lon, lat=lat)


def report_gaps(city: City, areas: gpd.GeoDataFrame, findings: Findings) -> None:
    """Report holes in the union of the areas that no area fills."""
    if city.settings["holes_allowed"]:
        return
    for hole in gaps(city.to_metres(areas["geometry"]).to_numpy()):
        lon, lat = inner_lonlat(hole, city.metric_srid)
        hint = "give it to a neighbour, name it as water, or set holes_allowed = true in city.toml"
        reason = f"a gap of {hole.area:,.0f} m² belongs to no area"
        findings.say("admin_areas.geojson", None, "geometry", reason, hint, lon=lon, lat=lat)


def check_competition(city: City, findings: Findings) -> None:
    """Report jurisdictions of one service that overlap at the same priority: nobody could say whose it is."""
    drawn = city.jurisdictions[~city.jurisdictions["is_citywide"].astype(bool)]
    for (service, priority), group in drawn.groupby(["service", "priority"], sort=True):
        rows = group.to_dict("records")
        for one, two, piece in overlaps(city.to_metres(group["geometry"]).to_numpy()):
            lon, lat = inner_lonlat(piece, city.metric_srid)
            names = " and ".join(f"{rows[at]['agency']} {rows[at]['code']}" for at in (one, two))
            reason = f"{names} overlap by {piece.area:,.0f} m² for {service} at the same priority {priority}"
            hint = "give one of them a lower number (1 wins)"
            findings.say("jurisdictions.toml", rows[two]["row"], "priority", reason, hint, lon=lon, lat=lat)


def check_station_places(city: City, findings: Findings) -> None:
    """Report stations neither in the service area nor in a jurisdiction of their agency."""
    if city.stations.empty:
        return
    service_area = gpd.GeoSeries([city.service_area_m()], crs=city.metric_srid).to_crs(4326).iloc[0]
    points = shapely.points(city.stations[["lon", "lat"]].astype(float).to_numpy())
    for row, point in zip(city.stations.index, points, strict=True):
        station = city.stations.loc[row]
        own = city.jurisdictions[city.jurisdictions["agency"] == station["agency"]]
        if not service_area.covers(point) and not shapely.covers(own["geometry"].to_numpy(), point).any():
            reason = f"station {station['code']} lies outside the service area and its agency's jurisdictions"
            findings.say("stations.csv", row, "lon", reason, "mend the point", lon=point.x, lat=point.y)
