"""Lists of points against the boundaries: whose each is, whether the list says so, and what its names stand for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gis.city import read_city
from gis.errors import ValueRefused
from tests.api.city import START, seed
from zones.agency_check import MAX_ROWS, check_list, compare, match_points, read_agencies, read_list
from zones.layers import read_layer
from zones.matching import current_set
from zones.matching_batch import read_service_area
from zones.name_guesses import guess_names, normalised

POLSEK = {
    "POL/POL-KEMARAYA": ("POL/POL-KEMARAYA", "POL-KEMARAYA", "Polsek Kemaraya"),
    "POL/POL-KANDAI": ("POL/POL-KANDAI", "POL-KANDAI", "Polsek Kandai"),
    "POL/POL-BARUGA": ("POL/POL-BARUGA", "POL-BARUGA", "Polsek Baruga"),
}


@pytest.fixture
def city(tx):
    seed(tx)
    return tx


def check(tx, text, *, service="police", column="milik", accuracy_column=None, language="id"):
    return check_list(
        tx,
        text,
        service=service,
        column=column,
        accuracy_column=accuracy_column,
        city=read_city(tx),
        at=START,
        language=language,
    )


LIST = """no,lon,lat,milik
1,122.47,-4.01,Polsek Barat
2,122.53,-4.01,polsek timur
3,122.53,-4.01,Polsek Barat
4,122.47,-4.01,Polsek Selatan
5,122.47,-4.01,
6,abc,-4.01,Polsek Barat
7,122.49,-4.01,Kepolisian Sektor Barat
8,121.00,-4.01,Polsek Barat
"""


def test_a_list_is_compared_row_by_row(city):
    found = check(city, LIST)
    assert [row["agrees"] for row in found["rows"]] == ["yes", "yes", "no", "unknown", "", "", "yes", "no"]
    assert [row["jurisdiction"] for row in found["rows"]][:3] == [
        "POL/polsek-barat",
        "POL/polsek-timur",
        "POL/polsek-timur",
    ]
    assert found["matches"] == {"covers": 6, "invalid": 1, "unassigned": 1}
    told = found["comparison"]
    assert told["kind"] == "jurisdiction"
    counts = {name: told[name] for name in ("n_equal", "n_different", "n_unknown", "n_empty")}
    assert counts == {"n_equal": 3, "n_different": 2, "n_unknown": 1, "n_empty": 2}
    assert [row["row"] for row in told["differences"]] == [3, 4, 8]
    names = {one["said"]: (one["code"], one["score"], one["n"]) for one in told["names"]}
    assert names["Polsek Barat"] == ("POL/polsek-barat", 1.0, 4)
    assert names["Kepolisian Sektor Barat"] == ("POL/polsek-barat", 1.0, 1)
    assert names["Polsek Selatan"] == (None, None, 1)
    assert told["confusion"] == [
        {"said": "POL/polsek-barat", "found": "POL/polsek-barat", "n": 2},
        {"said": "POL/polsek-barat", "found": None, "n": 1},
        {"said": "POL/polsek-barat", "found": "POL/polsek-timur", "n": 1},
        {"said": "POL/polsek-timur", "found": "POL/polsek-timur", "n": 1},
    ]


def test_each_row_has_its_sentence_and_says_how_it_differs(city):
    rows = check(city, LIST)["rows"]
    assert rows[0]["why"].startswith("Polsek Barat, karena titik berada 2,2 km di dalam batas versi 1")
    assert rows[0]["reason"] == "sama dengan daftar"
    assert rows[2]["reason"] == "daftar menyebut Polsek Barat, yang batasnya 3,3 km dari titik"
    assert rows[3]["reason"] == "“Polsek Selatan” tidak dikenal pada layanan ini"
    assert rows[5]["why"] == "lon “abc” bukan angka"
    assert rows[7]["why"] == "tidak ada batas layanan ini di titik ini"
    english = check(city, LIST, language="en")["rows"]
    assert english[2]["reason"] == "the list says Polsek Barat, whose border is 3.3 km from the point"


def test_a_difference_within_the_points_accuracy_is_said_to_be_one(city):
    text = "lon;lat;siapa;ketelitian\n122,5005;-4,01;Polsek Barat;100\n122,5005;-4,01;Polsek Barat;10\n"
    rows = check(city, text, column="Siapa", accuracy_column="ketelitian")["rows"]
    assert rows[0]["reason"] == "daftar menyebut Polsek Barat, yang juga berada dalam ketelitian titik (±100 m)"
    assert "55 m" in rows[1]["reason"] or "56 m" in rows[1]["reason"]


def test_a_column_of_agencies_is_told_from_one_of_jurisdictions(city):
    text = "lon,lat,milik\n122.47,-4.01,Polres Uji\n122.53,-4.01,POL\n122.53,-4.01,Damkar Uji\n"
    told = check(city, text)["comparison"]
    assert (told["kind"], told["n_equal"], told["n_different"]) == ("agency", 2, 1)
    assert told["confusion"][0] == {"said": "POL", "found": "POL", "n": 2}


def test_without_a_column_there_is_no_comparison(city):
    found = check(city, "LON\tLAT\n122.47\t-4.01\n", column=None)
    assert found["comparison"] is None
    assert (found["rows"][0]["agrees"], found["rows"][0]["reason"]) == (None, None)
    assert found["rows"][0]["agency"] == "POL"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "kosong"),
        ("  \n\n", "kosong"),
        ("lon,lat,milik\n", "tidak ada baris"),
        ("x,y,milik\n1,2,3\n", "kolom lon, lat tidak ada"),
        ("lon,lat\n1,2\n", "kolom milik tidak ada"),
        ("lon,lat,milik,Milik\n1,2,a,b\n", "kolom milik muncul dua kali"),
        ("lon,lat,milik\n1,2\n", "baris 1: 2 sel"),
        ('lon,lat,milik\n1,2,"a"b\n', "bukan CSV"),
        ("lon,lat,milik\n1,2,x\ud800y\n", "baris 2 berisi karakter yang bukan teks"),
        ("lon,lat,milik\n1,2,a\n1\ud800,2,a\n", "baris 3"),
        ("lon,lat,milik\n1,2,Man\0donga\n", "baris 2"),
        ("lon,lat,milik\n1,2,a\u202eb\n", "baris 2"),
        ("lon,lat,milik\n" + "1,2,a\n" * (MAX_ROWS + 1), f"lebih dari {MAX_ROWS} baris"),
    ],
)
def test_what_is_no_list_is_refused_with_the_reason(text, said):
    with pytest.raises(ValueRefused, match=said):
        read_list(text, column="milik", accuracy_column=None, language="id")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("nan,-4,1", "is not a number"),
        ("inf,-4,1", "is not a number"),
        ("200,-4,1", "out of range"),
        ("-4,122.5,1", "swapped"),
        ("122.5,,1", "is not a number"),
        ("122.5,-4,-1", "is not 0 to 5000 metres"),
        ("122.5,-4,far", "is not 0 to 5000 metres"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(cells, said):
    frame = read_list(f"lon,lat,acc\n{cells}\n", column=None, accuracy_column="acc", language="en")
    assert said in frame["problem"].iloc[0]
    assert np.isnan(frame["lon"].iloc[0])


def test_a_column_of_something_else_is_refused(city):
    text = "lon,lat,milik\n" + "".join(f"122.47,-4.01,jalan nomor {n}\n" for n in range(3_001))
    with pytest.raises(ValueRefused, match="3001 nama berbeda"):
        check(city, text)


def test_a_service_without_boundaries_is_refused(city):
    with pytest.raises(ValueRefused, match="tidak punya batas"):
        check(city, LIST, service="water")


def test_equal_to_a_plain_comparison_in_any_order_of_rows(city):
    rng = np.random.default_rng(3)
    points = pd.DataFrame(rng.uniform((122.45, -4.05), (122.55, -3.95), (400, 2)), columns=["lon", "lat"])
    said = pd.Series(rng.choice(["polsek-barat", "POL/polsek-timur", "?", ""], 400))
    layer = read_layer(city, "police", boundary_set=current_set(city), at=START)
    facts, area, agencies = read_city(city), read_service_area(city), read_agencies(city)

    def agreeing(order):
        mine, names = points.loc[order], said.loc[order]
        matched = match_points(mine, layer, city=facts, service_area=area)
        return compare(names, matched, layer, agencies).agrees

    truth = np.where(points["lon"] < 122.5, "polsek-barat", "polsek-timur")
    bare = said.str.removeprefix("POL/")
    expected = np.where(bare == "", "", np.where(bare == "?", "unknown", np.where(bare == truth, "yes", "no")))
    assert agreeing(points.index).to_numpy().tolist() == expected.tolist()
    shuffled = agreeing(rng.permutation(400))
    assert shuffled.sort_index().to_numpy().tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("POL-KEMARAYA", "POL/POL-KEMARAYA"),
        ("pol/pol-kemaraya", "POL/POL-KEMARAYA"),
        ("POLSEK KEMARAYA", "POL/POL-KEMARAYA"),
        ("Kepolisian Sektor Kandai", "POL/POL-KANDAI"),
        ("Kemaraya", "POL/POL-KEMARAYA"),
        ("Polsek Kemaraja", "POL/POL-KEMARAYA"),
        ("baruga, polsek", "POL/POL-BARUGA"),
        ("Polsek", None),
        ("Polsek Nambo", None),
        ("-", None),
    ],
)
def test_names_are_taken_for_what_people_mean(said, code):
    guess = guess_names([said], POLSEK).get(said)
    assert (guess.code if guess else None) == code


def test_of_very_many_names_only_those_that_are_the_same_are_found():
    known = {str(i): (f"Desa {i} Utara",) for i in range(2_000)}
    said = ["desa 7 utara", "Desa 7 Utra", *(f"dusun {i}" for i in range(200))]
    assert {name: guess.code for name, guess in guess_names(said, known).items()} == {"desa 7 utara": "7"}


def test_two_that_fit_alike_are_no_guess():
    known = {"A": ("Pos Utara",), "B": ("Pos Utara",), "C": ("Pos Selatan",)}
    assert guess_names(["pos utara"], known) == {}
    assert normalised("Kel. Wúa-Wua") == "kelurahan wua wua"
