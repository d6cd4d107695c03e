from __future__ import annotations

import pytest

from api.coordinates import read_coordinates

LON, LAT = 122.49985, -3.9962


def near_kendari(lon: float, lat: float) -> bool:
    return 122 <= lon <= 123 and -4.5 <= lat <= -3.5


@pytest.mark.parametrize(
    "given",
    [
        "-3.9962, 122.49985",
        "122.49985, -3.9962",
        "-3.9962 122.49985",
        "-3.9962,122.49985",
        "−3.9962; 122.49985",
        "-3,9962; 122,49985",
        "-3,9962 122,49985",
        "122,49985 -3,9962",
        "(-3.9962, 122.49985)",
        "3.9962 S, 122.49985 E",
        "3.9962° LS 122.49985° BT",
        "122.49985 BT, 3.9962 LS",
        "S 3.9962",
        "3°59'46.32\"S 122°29'59.46\"E",
        "3° 59′ 46.32″ LS, 122° 29′ 59.46″ BT",
        "3 59' 46.32\" S 122 29' 59.46\" E",
        "geo:-3.9962,122.49985;u=20",
        "https://www.google.com/maps?q=-3.9962,122.49985",
        "https://maps.google.com/?q=loc:-3.9962,122.49985&z=17",
        "https://www.google.com/maps/@-3.9962,122.49985,17z",
        "https://www.google.com/maps/place/X/@-3.9,122.4,17z/data=!4m2!3d-3.9962!4d122.49985",
        "https://maps.apple.com/?ll=-3.9962,122.49985",
    ],
)
def test_usual_forms_are_read(given):
    found = read_coordinates(given, near_kendari)
    if given == "S 3.9962":
        assert found is None
    else:
        assert found == pytest.approx((LON, LAT), abs=1e-4)


@pytest.mark.parametrize(
    "given", ["", "simpang Wua-Wua", "Jalan 12", "0812 3456 7890", "1 2 3", "95 185", "Jl. Ahmad Yani 12, 3", "5 N 6 S"]
)
def test_other_texts_are_no_coordinates(given):
    assert read_coordinates(given, near_kendari) is None


def test_latitude_comes_first_far_from_the_city():
    assert read_coordinates("51.5, -0.12", near_kendari) == (-0.12, 51.5)
    assert read_coordinates("139.7, 35.6", near_kendari) == (139.7, 35.6)
