"""The readers of the desk's scripts, run where they live: coordinates as people write them, the command line."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

CITY = {"bbox": [122.39, -4.10, 122.72, -3.88], "center": [122.515, -3.985]}
POINTS = [
    ("-3.9962, 122.49985", (122.49985, -3.9962)),
    ("122.49985 -3.9962", (122.49985, -3.9962)),
    ("(-3.9962; 122.49985)", (122.49985, -3.9962)),
    ("-3,9962 122,49985", (122.49985, -3.9962)),
    ("-3,9962; 122,49985", (122.49985, -3.9962)),
    ("3°59'46.3\"S 122°29'59.5\"E", (122.49986, -3.99619)),
    ("S 3 59 46.3 E 122 29 59.5", (122.49986, -3.99619)),
    ("3.9962 LS 122.49985 BT", (122.49985, -3.9962)),
    ("https://maps.example/@-3.9962,122.49985,17z", (122.49985, -3.9962)),
    ("geo:-3.9962,122.49985", (122.49985, -3.9962)),
    ("6P592G3X+GWF", None),
    ("6P59", None),
    ("lippo plaza", None),
    ("jalan 3 nomor 12", None),
    ("3°75'00\"S 122°29'59\"E", None),
    ("-3.9962", None),
]
COMMANDS = [
    ("", {"kind": "empty"}),
    ("n", {"kind": "new"}),
    (
        "n kbk1 @lippo plaza !1 api lantai 2",
        {
            "kind": "report",
            "report": {
                "facts": {},
                "severity": 1,
                "place": "lippo plaza",
                "type": "KBK1",
                "description": "api lantai 2",
            },
        },
    ),
    (
        "n tawuran bawa parang @simpang wua-wua ; +3 korban",
        {
            "kind": "report",
            "report": {"facts": {"n_victims": 3}, "place": "simpang wua-wua", "description": "tawuran bawa parang"},
        },
    ),
    ("? 412", {"kind": "why", "number": "412"}),
    ("?412", {"kind": "why", "number": "412"}),
    ("= K-0412", {"kind": "attach", "number": "K-0412"}),
    ("t 412 warga menunggu di gang", {"kind": "note", "number": "412", "text": "warga menunggu di gang"}),
    (
        "n kbk1 @-3.9962, 122.4999 tes",
        {
            "kind": "report",
            "report": {"facts": {}, "place": "-3.9962, 122.4999", "type": "KBK1", "description": "tes"},
        },
    ),
    (
        "n kbk1 @3 59 46.3 S 122 29 59.5 E api 3 rumah !2 +1",
        {
            "kind": "report",
            "report": {
                "facts": {"n_victims": 1},
                "severity": 2,
                "place": "3 59 46.3 S 122 29 59.5 E",
                "type": "KBK1",
                "description": "api 3 rumah",
            },
        },
    ),
    (
        "n kbk1 @6P592G3X+GWF dekat pasar",
        {
            "kind": "report",
            "report": {"facts": {}, "place": "6P592G3X+GWF", "type": "KBK1", "description": "dekat pasar"},
        },
    ),
    (
        "n kbk1 @lippo plaza #latihan !2 gudang",
        {
            "kind": "report",
            "report": {
                "facts": {},
                "severity": 2,
                "isDrill": True,
                "place": "lippo plaza",
                "type": "KBK1",
                "description": "gudang",
            },
        },
    ),
    ("n kbk1 @lippo #uji", {"kind": "error", "key": "cmd_bad_sign"}),
    (
        "n qqq @lippo",
        {"kind": "report", "report": {"facts": {}, "place": "lippo", "meantType": "qqq", "description": "qqq"}},
    ),
    ("n kbk1 @lippo !9 asap", {"kind": "error", "key": "cmd_bad_severity"}),
    ("n kbk1 @lippo !12", {"kind": "error", "key": "cmd_bad_severity"}),
    (
        "n kbk1 tolong! api",
        {"kind": "report", "report": {"facts": {}, "type": "KBK1", "description": "tolong! api"}},
    ),
    ("a 412 terima", {"kind": "answer", "number": "412", "state": "accepted", "words": []}),
    (
        "a 412 oto dmk unit 3",
        {"kind": "answer", "number": "412", "state": "en_route", "words": ["dmk", "unit", "3"]},
    ),
    ("p 412 POL", {"kind": "recall", "number": "412", "words": ["POL"]}),
    ("panggil 412", {"kind": "recall", "number": "412", "words": []}),
    (
        "u 412 POL-BARUGA dua regu dekat",
        {"kind": "appoint", "number": "412", "words": ["POL-BARUGA", "dua", "regu", "dekat"]},
    ),
    ("u 412", {"kind": "error", "key": "cmd_no_target"}),
    ("x prank", {"kind": "classify", "classification": "prank"}),
    ("x wilayah", {"kind": "classify", "classification": "out_of_area"}),
    ("t 412", {"kind": "error", "key": "cmd_no_text"}),
    ("a 412 entah", {"kind": "error", "key": "cmd_bad_state"}),
    ("? lippo", {"kind": "error", "key": "cmd_bad_number"}),
    ("halo", {"kind": "error", "key": "cmd_unknown"}),
]


@pytest.fixture(scope="module")
def page(pages, chromium):
    """A page of this origin; own assets are open to everybody."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(pages.address + "/login")
    yield page
    context.close()


def call(page, module, function, *arguments):
    return page.evaluate(
        f"async (a) => (await import('/assets/siaga/js/{module}'))['{function}'](...a)", list(arguments)
    )


@pytest.mark.parametrize(("text", "point"), POINTS)
def test_coordinates(page, text, point):
    found = call(page, "coordinates.js", "readCoordinates", text, CITY)
    if text.startswith("6P592G3X"):
        # A whole Plus Code names its own place; within its cell is near enough.
        assert found["accuracy_m"] <= 25
        return
    if point is None:
        assert found is None
    else:
        assert (found["lon"], found["lat"]) == pytest.approx(point, abs=2e-5)


def test_plus_codes_agree_with_the_published_example(page):
    # From the Open Location Code specification: 8FVC9G8F+6X is 47.365590, 8.524997 (city of Zürich).
    found = call(page, "coordinates.js", "readCoordinates", "8FVC9G8F+6X", CITY)
    assert (found["lat"], found["lon"]) == pytest.approx((47.365590, 8.524997), abs=1.3e-4)
    near = {"bbox": [8.4, 47.3, 8.7, 47.5], "center": [8.54, 47.37]}
    short = call(page, "coordinates.js", "readCoordinates", "9G8F+6X Zürich", near)
    assert (short["lat"], short["lon"]) == pytest.approx((47.365590, 8.524997), abs=1.3e-4)


@pytest.mark.parametrize(("line", "command"), COMMANDS)
def test_commands(page, line, command):
    types = [{"code": "KBK1"}, {"code": "KAM1"}]
    assert call(page, "command.js", "readCommand", line, types, CITY) == command


def duty(name, agency, role, state, code=None, title=None):
    jurisdiction = {"code": code or agency, "name": title or agency}
    return {"assignment_id": name, "agency": agency, "role": role, "state": state, "jurisdiction": jurisdiction}


DUTIES = [
    duty("baruga", "POL", "lead", "delivered", "POL-BARUGA", "Polsek Baruga"),
    duty("kadia", "POL", "support", "delivered", "POL-KADIA", "Polsek Kadia"),
    duty("fire", "DMK", "support", "accepted"),
    duty("informed", "PSC", "inform", "delivered"),
]
CODES = ["POL", "DMK", "PSC", "TNI"]


@pytest.mark.parametrize(
    ("state", "words", "meant"),
    [
        ("accepted", "", ("baruga", "", None)),
        ("accepted", "POL-KADIA", ("kadia", "", None)),
        ("accepted", "kadia dua regu", ("kadia", "dua regu", None)),
        ("accepted", "unit 3 berangkat", ("baruga", "unit 3 berangkat", None)),
        ("on_scene", "dmk", ("fire", "", None)),
        ("declined", "baruga tidak ada mobil", ("baruga", "tidak ada mobil", None)),
        ("done", "DMK tertangani padam", ("fire", "padam", "handled")),
        ("done", "nihil", ("baruga", "", "nothing_found")),
        ("accepted", "POL", "cmd_which"),
        ("accepted", "pol sudah jalan", "cmd_which"),
        ("accepted", "tni", "cmd_no_agency"),
        ("accepted", "PSC", "cmd_no_agency"),
        ("accepted", "PCS", "cmd_no_agency"),  # mistyped; the lead has said nothing
        ("declined", "pcs tidak ada mobil", "cmd_no_agency"),
        ("accepted", "POLX", "cmd_no_agency"),
        ("accepted", "dmx", "cmd_no_agency"),
        ("declined", "", "cmd_no_reason"),
        ("declined", "baruga", "cmd_no_reason"),
        ("done", "DMK", "cmd_no_result"),
        ("done", "DMK padam", "cmd_no_result"),
    ],
)
def test_an_answer_by_telephone_is_of_the_agency_that_was_meant(page, state, words, meant):
    command = {"kind": "answer", "state": state, "words": words.split()}
    found = call(page, "command.js", "readAnswer", command, DUTIES, CODES)
    if isinstance(meant, str):
        assert found["error"] == meant
        if meant == "cmd_which":
            assert found["values"]["choices"] == "POL-BARUGA, POL-KADIA"
    else:
        assert (found["assignment"]["assignment_id"], found["note"], found["result"]) == meant


def test_calling_again_means_those_that_declined(page):
    duties = [DUTIES[0] | {"state": "accepted"}, DUTIES[1] | {"state": "declined"}]
    command = {"kind": "recall", "words": ["regu", "lain"]}
    found = call(page, "command.js", "readAnswer", command, duties, CODES)
    assert (found["assignment"]["assignment_id"], found["note"]) == ("kadia", "regu lain")
    found = call(page, "command.js", "readAnswer", {"kind": "recall", "words": ["POL"]}, duties, CODES)
    assert found["assignment"]["assignment_id"] == "kadia"


ITEMS = [
    {"jurisdiction": "POL-POASIA", "name": "Polsek Poasia", "agency": "POL", "roles": ["lead", "support"]},
    {"jurisdiction": "POL-KADIA", "name": "Polsek Kadia", "agency": "POL", "roles": ["lead"]},
    {"jurisdiction": "TNI", "name": "Kodim", "agency": "TNI", "roles": ["lead", "support"]},
]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("poasia paling dekat", ("POL-POASIA", "support", "paling dekat")),
        ("TNI utama jembatan putus", ("TNI", "lead", "jembatan putus")),
        ("POL-KADIA dekat", ("POL-KADIA", "lead", "dekat")),
        ("POL dekat", "cmd_which"),
        ("TNI", "cmd_no_reason"),
        ("TNI lead", "cmd_no_reason"),
        ("DMK dekat", "cmd_not_appointable"),
        ("entah siapa", "cmd_not_appointable"),
    ],
)
def test_who_is_appointed(page, words, meant):
    found = call(page, "command.js", "readAppointment", {"words": words.split()}, ITEMS, CODES, "support")
    if isinstance(meant, str):
        assert found["error"] == meant
    else:
        assert (found["item"]["jurisdiction"], found["role"], found["reason"]) == meant
