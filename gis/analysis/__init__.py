"""Analysis of incidents: density, counts, and the picture of a density for a web map."""

from gis.analysis.counts import count_by_area, count_by_period, count_by_type, hour_by_weekday
from gis.analysis.density import DensityResult, default_bandwidth_m, kernel_density
from gis.analysis.picture import Legend, LegendClass, image_bounds, make_legend, render_png

__all__ = [
    "DensityResult",
    "Legend",
    "LegendClass",
    "count_by_area",
    "count_by_period",
    "count_by_type",
    "default_bandwidth_m",
    "hour_by_weekday",
    "image_bounds",
    "kernel_density",
    "make_legend",
    "render_png",
]
