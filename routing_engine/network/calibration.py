"""From modelled seconds to what runs really took: a fixed part, a factor by hour, and how much single runs differ.

``travel = (fixed + factor of the hour band × modelled seconds) × noise``, fitted by medians on recorded runs, judged on
weeks the fit has not seen. See docs/travel-times.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.errors import ColumnError, DataError, Finding
from routing_engine.network.projection import Floats
from routing_engine.network.speeds import band_of

# Fewer runs give no steady 90th percentile (an interval over a third of its value at 100, see notes in the docs).
MIN_RUNS = 100
MIN_HELD_OUT = 30
# Weeks, so that one odd week neither makes the fit nor judges it alone.
MIN_WEEKS = 4
# Fewer in an hour band: it takes the factor of the whole day. In an area: no figure of its own in the report.
MIN_IN_BAND = 50
MIN_IN_AREA = 50
# Of the weeks there are, the newest are held out.
HELD_OUT_SHARE = 0.25
# NFPA 1710: first engine within 240 s of travel.
TARGET_S = 240.0

# Goals of the held-out report: lowest and highest value that counts as met.
GOALS = {
    "median_ratio": (0.95, 1.05),
    "area_median_ratio": (0.90, 1.10),
    "p90_ratio": (0.93, 1.07),
    "share_within_difference": (-0.02, 0.02),
    "median_error_share": (0.0, 0.27),
}

# Parts of the runs at which the noise is kept: 1 % … 99 %.
GRID = np.arange(1, 100) / 100
P90 = 89  # its position in the grid

ITERATIONS = 200
SMALLEST_RESIDUAL = 1e-3  # of the prediction; below it an absolute value is taken as flat


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How to turn modelled seconds into those of runs.

    Attributes
    ----------
    fixed_s
        Seconds every run has, however short: leaving, lights, the last steps.
    factor
        Real seconds per modelled second, over the whole day.
    factors
        First hour of a band → its own factor, for bands with enough runs.
    bands
        First hours of the bands of the day.
    noise
        ``(99,)``: how much single runs differ, as parts of the median, at 1 % … 99 % of the runs.
    calibration_id
        Where it is kept; `None` before.
    """

    fixed_s: float
    factor: float
    factors: Mapping[int, float]
    bands: tuple[int, ...]
    noise: tuple[float, ...]
    calibration_id: int | None = None

    @cached_property
    def _by_hour(self) -> Floats:
        return np.array([self.factors.get(band_of(self.bands, hour), self.factor) for hour in range(24)])

    def median_s(self, modelled_s: npt.ArrayLike, hour: npt.ArrayLike) -> Floats:
        """Return the seconds half of the runs keep to; NaN stays NaN. `hour` is of the city's day, 0 to 23."""
        factor = self._by_hour[np.asarray(hour, dtype=np.int64)]
        return np.asarray(self.fixed_s + factor * np.asarray(modelled_s, np.float64), np.float64)

    def p90_s(self, median_s: npt.ArrayLike) -> Floats:
        """Return the seconds nine of ten runs keep to, from those of the median."""
        return np.asarray(median_s, np.float64) * self.noise[P90]

    def as_dict(self) -> dict[str, Any]:
        """Return the parameters for keeping as JSON."""
        return {
            "fixed_s": round(self.fixed_s, 3),
            "factor": round(self.factor, 6),
            "factors": {str(band): round(value, 6) for band, value in sorted(self.factors.items())},
            "bands": list(self.bands),
            "noise": [round(value, 6) for value in self.noise],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], calibration_id: int | None = None) -> Calibration:
        """Return the calibration that `as_dict` wrote down."""
        return cls(
            fixed_s=float(values["fixed_s"]),
            factor=float(values["factor"]),
            factors={int(band): float(value) for band, value in values["factors"].items()},
            bands=tuple(int(band) for band in values["bands"]),
            noise=tuple(float(value) for value in values["noise"]),
            calibration_id=calibration_id,
        )


def calibrate(
    runs: pd.DataFrame,
    *,
    bands: Sequence[int] = (0,),
    n_held_out_weeks: int | None = None,
    target_s: float = TARGET_S,
) -> tuple[Calibration, dict[str, Any]]:
    """Fit the older weeks of recorded runs and judge the fit on the newest.

    Parameters
    ----------
    runs
        Of one vehicle profile: `modelled_s` (seconds the model says, above 0), `travel_s` (seconds from leaving to
        arriving, above 0), `hour` (0 to 23 of the city's day), `week` (a label that sorts by time, such as
        ``2026-W05``); if known `area` and `turnout_s`.
    bands
        First hours of the hour bands, from 0.
    n_held_out_weeks
        How many of the newest weeks judge; by default a quarter of them.
    target_s
        Travel time whose share is compared.

    Returns
    -------
    tuple
        The calibration, from the fitted weeks only, and the report on the others (see `held_out_report`).

    Raises
    ------
    ColumnError
        A column is missing.
    DataError
        Too few runs or weeks, or seconds that do not grow with the modelled ones; every reason at once.
    """
    missing = {"modelled_s", "travel_s", "hour", "week"} - set(runs.columns)
    if missing:
        raise ColumnError(f"runs without {', '.join(sorted(missing))}")
    weeks = sorted(runs["week"].unique())
    n_held_out = max(1, round(len(weeks) * HELD_OUT_SHARE)) if n_held_out_weeks is None else n_held_out_weeks
    newest = weeks[len(weeks) - n_held_out :]
    is_held_out = runs["week"].isin(newest).to_numpy()
    fitted, judged = runs[~is_held_out], runs[is_held_out]
    _refuse_few(fitted, judged, len(weeks))
    calibration = _fit(fitted, tuple(sorted({0, *bands})))
    report = {
        "fitted": {"n": len(fitted), "weeks": [str(weeks[0]), str(weeks[len(weeks) - n_held_out - 1])]},
        "bands": {str(band): n for band, n in _counts(fitted, calibration.bands).items()},
        "held_out": {"weeks": [str(newest[0]), str(newest[-1])], **held_out_report(calibration, judged, target_s)},
    }
    if "turnout_s" in runs and runs["turnout_s"].notna().any():
        turnout = runs["turnout_s"].dropna().to_numpy(np.float64)
        report["turnout"] = {"n": len(turnout), "median_s": _round(np.median(turnout)), "p90_s": _p90(turnout)}
    return calibration, report


def _refuse_few(fitted: pd.DataFrame, judged: pd.DataFrame, n_weeks: int) -> None:
    findings = [
        Finding(field=field, reason=f"{found} {what}, at least {least} are needed", hint="collect more runs first")
        for field, what, found, least in (
            ("week", "weeks with runs", n_weeks, MIN_WEEKS),
            ("runs", "runs to fit", len(fitted), MIN_RUNS),
            ("runs", "runs in the held-out weeks", len(judged), MIN_HELD_OUT),
        )
        if found < least
    ]
    if findings:
        raise DataError(f"too few runs to calibrate: {'; '.join(one.reason for one in findings)}", findings)


def _counts(runs: pd.DataFrame, bands: tuple[int, ...]) -> dict[int, int]:
    band = np.array([band_of(bands, hour) for hour in runs["hour"]])
    return {one: int((band == one).sum()) for one in bands}


def _fit(runs: pd.DataFrame, bands: tuple[int, ...]) -> Calibration:
    """Fit the fixed part and the factors; each step leaves half of its runs above and half below."""
    modelled, travel = runs["modelled_s"].to_numpy(np.float64), runs["travel_s"].to_numpy(np.float64)
    fixed, factor = _median_line(modelled, travel)
    if factor <= 0:
        raise DataError(
            "runs do not take longer where the model says so: nothing to calibrate; are positions and times right?",
            [Finding(field="travel_s", reason="does not grow with the modelled seconds")],
        )
    band = np.array([band_of(bands, hour) for hour in runs["hour"]])
    factors: dict[int, float] = {}
    for one in bands:
        own = band == one
        # Half of the runs are above fixed + f × modelled exactly when f is the median of these.
        value = float(np.median((travel[own] - fixed) / modelled[own])) if own.sum() >= MIN_IN_BAND else 0.0
        if value > 0:
            factors[one] = value
    without_noise = Calibration(
        fixed_s=fixed, factor=factor, factors=factors, bands=bands, noise=tuple(np.ones(len(GRID)).tolist())
    )
    ratio = travel / without_noise.median_s(modelled, runs["hour"].to_numpy())
    noise = tuple(float(value) for value in np.quantile(ratio, GRID))
    return Calibration(fixed_s=fixed, factor=factor, factors=factors, bands=bands, noise=noise)


def _median_line(modelled: Floats, travel: Floats) -> tuple[float, float]:
    """Return the line that least misses in parts of itself: least absolute relative errors, the fixed part not below 0.

    Iteratively reweighted least squares (Schlossmacher 1973); starts from the means, so it is deterministic.
    """
    for columns in (np.column_stack([np.ones_like(modelled), modelled]), modelled[:, None]):
        predicted = np.full(len(travel), travel.mean())
        for _ in range(ITERATIONS):
            miss = np.maximum(np.abs(travel - predicted) / predicted, SMALLEST_RESIDUAL)
            weight = 1.0 / (miss * predicted * predicted)
            solved = np.linalg.lstsq(columns.T * weight @ columns, columns.T * weight @ travel, rcond=None)[0]
            changed = np.maximum(columns @ solved, 1.0)
            is_done = np.abs(changed - predicted).max() < 1e-6 * predicted.max()
            predicted = changed
            if is_done:
                break
        if len(solved) == 1 or solved[0] >= 0:
            break
    # The smoothing leaves the middle a little off; put it where it belongs.
    solved = solved * float(np.median(travel / predicted))
    return (float(solved[0]), float(solved[1])) if len(solved) == 2 else (0.0, float(solved[0]))


def held_out_report(calibration: Calibration, runs: pd.DataFrame, target_s: float = TARGET_S) -> dict[str, Any]:
    """Compare a calibration with runs it was not made from.

    Returns
    -------
    dict
        Ratios are predicted to observed. `n`; `uncalibrated_median_ratio` (the model as it was); `median_ratio` and per
        area with `MIN_IN_AREA` runs `areas`; `p90_ratio` of the 90th percentiles of all runs, noise included;
        `within_p90`, the share of runs within their own P90; `target_s` and the share of runs within it, `observed`,
        `predicted` and `difference`; `median_error_s` and `median_error_share` (of the median run); `goals`: each with
        its value, bounds and whether it is met; `is_met`: all are.
    """
    travel = runs["travel_s"].to_numpy(np.float64)
    modelled = runs["modelled_s"].to_numpy(np.float64)
    median = calibration.median_s(modelled, runs["hour"].to_numpy())
    ratio = median / travel
    every = np.outer(median, calibration.noise)  # what could happen on each of these runs
    error_s = float(np.median(np.abs(median - travel)))
    observed, predicted = float((travel <= target_s).mean()), float((every <= target_s).mean())
    areas: list[dict[str, Any]] = []
    if "area" in runs:
        by_area = pd.Series(ratio).groupby(runs["area"].to_numpy())
        areas = [
            {"area": str(area), "n": len(own), "median_ratio": _round(own.median(), 3)}
            for area, own in by_area
            if len(own) >= MIN_IN_AREA
        ]
    values: dict[str, Any] = {
        "n": len(runs),
        "uncalibrated_median_ratio": _round(np.median(modelled / travel), 3),
        "median_ratio": _round(np.median(ratio), 3),
        "areas": areas,
        "p90_ratio": _round(np.quantile(every, 0.9) / np.quantile(travel, 0.9), 3),
        "within_p90": _round((travel <= calibration.p90_s(median)).mean(), 3),
        "target_s": target_s,
        "share_within": {"observed": _round(observed, 3), "predicted": _round(predicted, 3)},
        "share_within_difference": _round(predicted - observed, 3),
        "median_error_s": _round(error_s),
        "median_error_share": _round(error_s / np.median(travel), 3),
    }
    goals = [_goal(name, values[name]) for name in GOALS if name in values]
    goals += [{**_goal("area_median_ratio", one["median_ratio"]), "area": one["area"]} for one in areas]
    return {**values, "goals": goals, "is_met": all(goal["is_met"] for goal in goals)}


def _goal(name: str, value: float) -> dict[str, Any]:
    low, high = GOALS[name]
    return {"name": name, "value": value, "low": low, "high": high, "is_met": low <= value <= high}


def _round(value: Any, digits: int = 1) -> float:
    return round(float(value), digits)


def _p90(values: Floats) -> float | None:
    """Return the smallest value with nine tenths at or below it; `None` from fewer than 30 (no figure to rely on)."""
    return _round(np.quantile(values, 0.9, method="inverted_cdf")) if len(values) >= MIN_HELD_OUT else None
