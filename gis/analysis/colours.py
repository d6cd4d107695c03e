"""Colour ramps for quantities, evenly stepped to the eye.

Built in OKLab (Björn Ottosson, 2020), where equal distances look equally different, so that no matplotlib is needed.
Lightness runs one way only: the ramp reads in print, at night and with any colour vision. It ends in violet, not in
red, which is kept for what needs action.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Lightness, chroma and hue (degrees) of the anchors, least to most; in between, OKLab is interpolated.
ANCHORS = {
    "day": ((0.92, 0.085, 92.0), (0.79, 0.130, 55.0), (0.63, 0.165, 10.0), (0.46, 0.165, 330.0), (0.30, 0.120, 295.0)),
    "night": (
        (0.36, 0.110, 290.0),
        (0.50, 0.165, 325.0),
        (0.66, 0.160, 10.0),
        (0.80, 0.125, 55.0),
        (0.94, 0.090, 95.0),
    ),
}
OKLAB_TO_LMS = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def ramp_oklab(n: int, *, theme: str = "day") -> NDArray[np.float64]:
    """Return `n` colours in OKLab, least to most, at equal distances along the ramp; shape ``(n, 3)``."""
    lightness, chroma, hue = np.array(ANCHORS[theme]).T
    anchors = np.stack([lightness, chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))], axis=1)
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(anchors, axis=0), axis=1))])
    wanted = np.linspace(0, at[-1], n) if n != 1 else at[-1:] / 2
    return np.stack([np.interp(wanted, at, anchors[:, i]) for i in range(3)], axis=1)


def ramp(n: int, *, theme: str = "day") -> NDArray[np.uint8]:
    """Return `n` sRGB colours, least to most.

    Parameters
    ----------
    n
        Number of colours.
    theme
        ``day``: light to dark, for light maps; ``night``: dark to light.

    Returns
    -------
    ndarray
        Shape ``(n, 3)``, 0 to 255.
    """
    linear = np.clip((ramp_oklab(n, theme=theme) @ OKLAB_TO_LMS.T) ** 3 @ LMS_TO_RGB.T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    rgb: NDArray[np.uint8] = np.round(encoded * 255).astype(np.uint8)
    return rgb


def as_hex(rgb: NDArray[np.uint8]) -> str:
    """Return ``#rrggbb``."""
    return "#" + bytes(rgb.tolist()).hex()
