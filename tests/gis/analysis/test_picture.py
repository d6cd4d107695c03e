"""The picture lies where the web map puts it, and its legend says what it shows."""

from __future__ import annotations

import io

import geopandas as gpd
import numpy as np
import pytest
from PIL import Image
from pyproj import Transformer
from shapely import box

from gis.analysis import image_bounds, kernel_density, make_legend, render_png
from gis.analysis.colours import ramp, ramp_oklab
from gis.analysis.picture import Legend, LegendClass, nice_breaks
from gis.errors import DataError

# (metric SRID, lon, lat of the middle, size in km): Kendari; Helsinki at the edge of its zone, where the grid is turned
# by 2.6° against web mercator; the south of Chile.
CITIES = {
    "kendari": (32751, 122.52, -3.98, 20),
    "helsinki": (32634, 24.9, 60.17, 20),
    "punta_arenas": (32719, -70.9, -53.15, 15),
}


def city(name: str):
    srid, lon, lat, size_km = CITIES[name]
    centre = gpd.GeoSeries.from_xy([lon], [lat], crs=4326).to_crs(srid).iloc[0]
    half = size_km * 500
    return srid, box(centre.x - half, centre.y - half, centre.x + half, centre.y + half), centre, half


def decode(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def pixel_of(lon: float, lat: float, bounds, shape) -> tuple[float, float]:
    """Where Leaflet draws a position on an image overlay: even between the corners in web mercator."""
    to_mercator = Transformer.from_crs(4326, 3857, always_xy=True)
    (west, x, east), (south, y, north) = to_mercator.transform([bounds[0], lon, bounds[2]], [bounds[1], lat, bounds[3]])
    return (x - west) / (east - west) * shape[1], (north - y) / (north - south) * shape[0]


@pytest.mark.parametrize("name", CITIES)
@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (-0.8, 0.8), (0.8, 0.8), (0.8, -0.8), (-0.8, -0.8)])
def test_an_incident_is_drawn_where_it_happened(name, dx, dy):
    srid, area, centre, half = city(name)
    incident = gpd.GeoSeries.from_xy([centre.x + dx * half], [centre.y + dy * half], crs=srid)
    result = kernel_density(incident, gpd.GeoSeries([area], crs=srid), metric_srid=srid, bandwidth_m=400)
    # One class above half of the peak: its pixels are a disc round the incident.
    disc = Legend(classes=(LegendClass(low=result.peak / 2, high=result.peak, colour="#000000", opacity=1),))
    picture = decode(render_png(result, legend=disc))
    rows, columns = np.nonzero(picture[:, :, 3])
    lonlat = incident.to_crs(4326).iloc[0]
    x, y = pixel_of(lonlat.x, lonlat.y, image_bounds(result), picture.shape)
    assert columns.mean() + 0.5 == pytest.approx(x, abs=0.5)
    assert rows.mean() + 0.5 == pytest.approx(y, abs=0.5)


def test_stretching_the_grid_itself_would_be_wrong():
    srid, area, centre, half = city("helsinki")
    incident = gpd.GeoSeries.from_xy([centre.x + 0.8 * half], [centre.y + 0.8 * half], crs=srid)
    result = kernel_density(incident, gpd.GeoSeries([area], crs=srid), metric_srid=srid, bandwidth_m=400)
    row, column = np.unravel_index(np.nanargmax(result.values), result.values.shape)
    lonlat = incident.to_crs(4326).iloc[0]
    x, y = pixel_of(lonlat.x, lonlat.y, image_bounds(result), (1000, 1000))
    naive = np.array([column / result.grid.n_columns, 1 - row / result.grid.n_rows]) * 1000
    assert np.hypot(*(naive - (x, y))) > 10


def test_edge_of_the_study_area_is_within_a_pixel():
    srid, area, centre, half = city("helsinki")
    rng = np.random.default_rng(3)
    xy = rng.uniform(-half, half, (20_000, 2)) + np.array([centre.x, centre.y])
    result = kernel_density(gpd.GeoSeries.from_xy(*xy.T, crs=srid), gpd.GeoSeries([area], crs=srid), metric_srid=srid)
    everything = Legend(classes=(LegendClass(low=1e-9, high=result.peak, colour="#000000", opacity=1),))
    picture = decode(render_png(result, legend=everything, longest_side_px=800))
    edge = gpd.GeoSeries.from_xy([centre.x, centre.x + half], [centre.y + half, centre.y], crs=srid).to_crs(4326)
    for point, axis in zip(edge, ("north", "east"), strict=True):
        x, y = pixel_of(point.x, point.y, image_bounds(result), picture.shape)
        line = picture[:, int(x), 3] if axis == "north" else picture[int(y), :, 3]
        first = np.argmax(line > 0) if axis == "north" else len(line) - np.argmax(line[::-1] > 0)
        assert first == pytest.approx(y if axis == "north" else x, abs=1)


def test_classes_of_the_picture_are_those_of_the_legend():
    srid, area, centre, half = city("kendari")
    xy = np.random.default_rng(5).normal((centre.x, centre.y), half / 4, (2000, 2))
    result = kernel_density(gpd.GeoSeries.from_xy(*xy.T, crs=srid), gpd.GeoSeries([area], crs=srid), metric_srid=srid)
    legend = make_legend(result)
    picture = decode(render_png(result, legend=legend))
    colours = {tuple(pixel) for pixel in picture.reshape(-1, 4)}
    expected = {(*bytes.fromhex(one.colour[1:]), round(one.opacity * 255)) for one in legend.classes}
    assert {pixel for pixel in colours if pixel[3]} == expected
    assert legend.breaks[-1] == result.peak
    assert list(legend.breaks) == sorted(legend.breaks)


def test_same_density_gives_the_same_bytes():
    srid, area, centre, half = city("kendari")
    xy = np.random.default_rng(5).normal((centre.x, centre.y), half / 4, (500, 2))
    make = lambda: render_png(  # noqa: E731
        kernel_density(gpd.GeoSeries.from_xy(*xy.T, crs=srid), gpd.GeoSeries([area], crs=srid), metric_srid=srid)
    )
    assert make() == make()


def test_nothing_to_show_is_a_clear_picture():
    srid, area, _, _ = city("kendari")
    result = kernel_density(gpd.GeoSeries([], crs=srid), gpd.GeoSeries([area], crs=srid), metric_srid=srid)
    assert make_legend(result).classes == ()
    assert not decode(render_png(result))[:, :, 3].any()


@pytest.mark.parametrize(
    ("peak", "expected"),
    [
        (0, ()),
        (345.2, (10, 20, 50, 100, 200, 345.2)),
        (0.07, (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.07)[-6:]),
        (102, (2, 5, 10, 20, 50, 102)),  # a class from 100 to 102 would show nothing
    ],
)
def test_breaks_are_round_numbers_under_the_peak(peak, expected):
    assert nice_breaks(peak) == pytest.approx(expected)


def test_breaks_that_do_not_ascend_are_refused():
    srid, area, _, _ = city("kendari")
    result = kernel_density(gpd.GeoSeries([], crs=srid), gpd.GeoSeries([area], crs=srid), metric_srid=srid)
    with pytest.raises(DataError, match="ascending"):
        make_legend(result, breaks=(5, 2))


@pytest.mark.parametrize(("theme", "sign"), [("day", -1), ("night", 1)])
def test_ramp_runs_one_way_in_even_steps(theme, sign):
    lab = ramp_oklab(9, theme=theme)
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert (np.sign(np.diff(lab[:, 0])) == sign).all()
    assert steps.min() > 0.85 * steps.max()
    rgb = ramp(9, theme=theme)
    assert len(np.unique(rgb, axis=0)) == 9
    # inside sRGB: nothing was clipped to black or white
    assert (rgb.max(axis=1) > 40).all()


def test_one_class_takes_the_middle_of_the_ramp():
    assert ramp(1).tolist() == ramp(3)[1:2].tolist()
