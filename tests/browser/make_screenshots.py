"""Make the pictures of docs/images: every page, day and night, on a demo with a working hour's incidents.

    .venv/bin/python -m tests.browser.make_screenshots            # starts a demo of its own, and stops it
    .venv/bin/python -m tests.browser.make_screenshots --state DIR --only operator

The incidents are made through the API, as calls and agencies would. Their ages are set in what the browser receives:
all were taken within seconds, and a picture in which everything is four seconds old shows nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import shapely
from PIL import Image
from playwright.sync_api import Page, Route

from gis.settings import ROOT
from ops.state import State
from tests.browser.person import Person, chromium
from tests.browser.product import Product, demo, until

IMAGES = ROOT / "docs" / "images"
SCHEMES = {"day": "light", "night": "dark"}
MOST_BYTES = 200_000
# An agency answers within seconds of the script and within minutes of the picture.
STRETCH = 14.0


@dataclass(frozen=True)
class Call:
    """A report of the picture: what is said, how old it is, and what its agencies have done."""

    type: str
    lon: float
    lat: float
    text: str
    age_s: int
    place: str = ""
    accuracy_m: float = 25
    severity: int | None = None
    facts: dict[str, Any] | None = None
    moves: tuple[tuple[str, tuple[str, ...]], ...] = ()
    caller: dict[str, str] | None = None
    drill: bool = False


SCENE, WAY = ("accepted", "en_route", "on_scene"), ("accepted", "en_route")
WUA_WUA = "dua kelompok saling lempar batu di lampu merah, dua orang berdarah, satu membawa parang; jalan tertutup"
CALLS = (
    Call("LNG1", 122.5060, -4.0030, "sampah menutup trotoar pasar sejak tiga hari", 5400, "Pasar Panjang"),
    Call(
        "UTL4",
        122.5284,
        -3.9772,
        "lima lampu jalan mati berturut-turut",
        3900,
        "Jalan Edi Sabara",
        moves=(("DSH", ("accepted",)),),
    ),
    Call("LNG2", 122.5138, -4.0082, "pohon trembesi condong ke kabel", 2460, "depan kampus", moves=(("DLH", SCENE),)),
    Call("UTL3", 122.5214, -3.9879, "air bersih meluap ke jalan", 1260, moves=(("PAM", WAY),)),
    Call(
        "BNC3",
        122.5095,
        -3.9735,
        "pohon tumbang menutup satu lajur, tidak ada korban",
        1980,
        severity=3,
        moves=(("DLH", SCENE),),
    ),
    Call(
        "LKA1",
        122.5046,
        -3.9868,
        "dua motor bertabrakan, satu orang tidak sadar",
        840,
        facts={"n_victims": 2, "on_road": True},
        moves=(("PSC", SCENE), ("POL", SCENE)),
    ),
    Call(
        "KBK1",
        122.5160,
        -3.9931,
        "asap tebal dari lantai dua ruko, penghuni sudah keluar",
        560,
        "belakang Lippo Plaza",
        facts={"hazards": ["fire"]},
        moves=(("DMK", SCENE), ("PLN", ("accepted",)), ("PSC", WAY)),
    ),
    Call("SAR4", 122.5249, -4.0049, "ular piton masuk dapur", 420, moves=(("DMK", WAY),)),
    Call(
        "UTL1",
        122.4935,
        -3.9905,
        "kabel putus memercik di depan sekolah",
        130,
        facts={"hazards": ["electricity"], "child": True},
        moves=(("PLN", ("accepted",)),),
    ),
    Call(
        "KAM1",
        122.49985,
        -3.9962,
        WUA_WUA,
        205,
        "simpang Wua-Wua",
        100,
        facts={"n_victims": 2, "hazards": ["crowd", "weapon"], "on_road": True, "armed": True},
        moves=(("POL", WAY), ("SPP", ("accepted",)), ("PSC", ("accepted",))),
    ),
    Call(
        "LKA2",
        122.5112,
        -3.9882,
        "simulasi truk menyenggol angkot, empat pemeran korban",
        300,
        "Jalan MT Haryono",
        facts={"n_victims": 4, "on_road": True},
        drill=True,
    ),
    Call("MED2", 122.5187, -4.0005, "laki-laki 58 tahun nyeri dada, berkeringat dingin", 95, "Jalan H.E.A. Mokodompit"),
    Call("KAM3", 122.5085, -3.9985, "dua orang membongkar toko emas, masih di dalam", 38, "Pasar Panjang"),
)


def prepare(product: Product) -> dict[str, Call]:
    """Send every call, let the agencies answer, and return the calls by incident."""
    made = {}
    for call in CALLS:
        body: dict[str, Any] = {
            "type": call.type, "lon": call.lon, "lat": call.lat, "accuracy_m": call.accuracy_m,
            "description": call.text, "location_text": call.place or None, "severity": call.severity,
            "facts": call.facts, "caller": call.caller, "drill": call.drill,
        }  # fmt: skip
        answer = product.report(**{name: value for name, value in body.items() if value is not None})
        for agency, states in call.moves:
            product.move(answer, agency, *states)
        made[answer["incident_id"]] = call
    return made


def earlier(route: Route, made: dict[str, Call]) -> None:
    """Answer with the same incidents, taken as long ago as their calls say."""
    answer = route.fetch()
    body = answer.json()
    if "rows" in body:
        for row in body["rows"]:
            if row[0] in made:
                row[8] = datetime.fromisoformat(body["now"]).timestamp() - made[row[0]].age_s
    elif body.get("incident_id") in made:
        taken = datetime.fromisoformat(body["received_at"])
        shift = datetime.now(taken.tzinfo) - timedelta(seconds=made[body["incident_id"]].age_s)
        body["received_at"] = shift.isoformat()
        body["events"] = [
            event | {"at": (shift + STRETCH * (datetime.fromisoformat(event["at"]) - taken)).isoformat()}
            for event in body["events"]
            if not event["kind"].startswith(("ack_overdue", "ladder", "raised"))
        ]
    route.fulfill(response=answer, body=json.dumps(body))


def with_few_colours(picture: Image.Image, apart: float) -> Image.Image:
    """Return the picture with at most 256 of its own colours, the frequent ones, `apart` from each other (RGB).

    Median cut averages the few pixels of a warning away; here what is used as it is stays as it is.
    """
    pixels = np.asarray(picture, dtype=np.int32)
    packed = (pixels[..., 0] << 16) | (pixels[..., 1] << 8) | pixels[..., 2]
    values, counts = np.unique(packed, return_counts=True)
    ordered = values[np.argsort(-counts, kind="stable")]
    colours = np.stack([ordered >> 16, ordered >> 8 & 255, ordered & 255], axis=1).astype(np.float64)
    chosen: list[int] = []
    free = np.full(len(colours), np.inf)
    for index in range(len(colours)):
        if free[index] > apart:
            chosen.append(index)
            if len(chosen) == 256:
                break
            free = np.minimum(free, np.linalg.norm(colours - colours[index], axis=1))
    palette = Image.new("P", (1, 1))
    flat = colours[chosen].astype(int).ravel().tolist()
    palette.putpalette(flat + flat[:3] * (256 - len(chosen)))
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


class Camera:
    """Takes the pictures of one scheme."""

    def __init__(self, browser: Any, product: Product, made: dict[str, Call], name: str) -> None:
        self.browser, self.product, self.made, self.name = browser, product, made, name

    @contextmanager
    def person(self, account: str = "") -> Iterator[Person]:
        """Give a person with a page; their complaints end the script."""
        one = Person(self.browser, self.product.pages, color_scheme=SCHEMES[self.name], reduced_motion="reduce")
        one.context.route("**/api/live?*", lambda route: earlier(route, self.made))
        one.context.route("**/api/incidents/*", lambda route: earlier(route, self.made))
        if account:
            one.log_in(account)
        yield one
        one.context.unroute_all(behavior="ignoreErrors")
        assert not one.complaints, one.complaints
        one.close()

    def take(self, page: Page, name: str) -> None:
        """Save what the page shows, with as many colours as the size allows."""
        page.mouse.move(700, 20)
        page.wait_for_timeout(1200)
        picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
        path = IMAGES / f"{name}-{self.name}.png"
        for apart in (6, 9, 12, 16, 22):
            with_few_colours(picture, apart).save(path, optimize=True)
            if (size := path.stat().st_size) < MOST_BYTES:
                break
        print(f"{path.relative_to(ROOT)}  {size // 1000} kB")
        assert size < MOST_BYTES, path

    def number(self, kind: str) -> str:
        """Return the incident id of the call of a type."""
        return next(incident for incident, call in self.made.items() if call.type == kind)

    # -- the pictures

    def login(self) -> None:
        """The log-in page with the demo's accounts."""
        with self.person() as one:
            one.page.goto(one.address + "/login")
            self.take(one.page, "login")

    def operator(self) -> None:
        """The queue with both lanes, and one incident open."""
        with self.person("operator") as one:
            one.wait_for_desk()
            self.open(one, "KAM1")
            one.ask("window.__siaga.desk.map.setView([-3.9895, 122.5270], 14, {animate: false}) && null")
            self.take(one.page, "operator")

    def operator_detail(self) -> None:
        """A report being written, and the reason of an assignment drawn on the map."""
        with self.person("operator") as one:
            one.wait_for_desk()
            self.open(one, "LKA1")
            police = one.page.locator(".sg-assignment", has=one.page.get_by_text("POL", exact=True))
            police.get_by_role("button", name="Mengapa", exact=True).click()
            one.page.locator(".sg-why").wait_for()
            one.page.wait_for_timeout(800)
            one.ask("window.__siaga.desk.map.setView([-3.9850, 122.5280], 14, {animate: false}) && null")
            one.click_map(122.5215, -3.9968)
            one.page.keyboard.press("Alt+2")
            one.page.keyboard.press("1")
            one.text.fill("mobil pikap terguling, sopir terjepit, solar tumpah ke jalan")
            one.page.get_by_role("button", name="B3").click()
            one.page.locator(".sg-preview [data-role=lead]").first.wait_for()
            one.ask("document.activeElement.blur()")
            self.take(one.page, "operator-detail")

    def agency(self) -> None:
        """The desk of the police."""
        with self.person("desk-POL") as one:
            one.wait_for_desk()
            self.take(one.page, "agency")

    def agency_why(self) -> None:
        """Why an incident is this agency's own."""
        with self.person("desk-POL") as one:
            one.wait_for_desk()
            self.open(one, "KAM3")
            one.page.get_by_role("button", name="Mengapa kami?").first.click()
            one.page.locator(".sg-why").wait_for()
            self.take(one.page, "agency-why")

    def planner(self) -> None:
        """The density of a year."""
        with self.person("perencana") as one:
            one.page.locator(".leaflet-image-layer").wait_for()
            self.take(one.page, "planner")

    def planner_kelurahan(self) -> None:
        """Counts per kelurahan."""
        with self.person("perencana") as one:
            one.page.locator(".leaflet-image-layer").wait_for()
            one.page.get_by_role("radio", name="Per kelurahan").click()
            one.page.locator('[data-testid="stDataFrame"] canvas').first.wait_for()
            one.page.locator(".leaflet-image-layer").wait_for(state="detached")
            self.take(one.page, "planner-kelurahan")

    # -- boundaries

    def agency_objection(self) -> None:
        """An agency says that an incident is not its own."""
        with self.person("desk-POL") as one:
            one.wait_for_desk()
            self.open(one, "KAM3")
            one.page.get_by_role("button", name="Mengapa kami?").first.click()
            one.page.locator(".sg-why-facts").wait_for()
            one.page.get_by_role("button", name="Bukan wilayah kami").click()
            reason = "toko berada di seberang jalan, sisi Wua-Wua; kami bertemu pemiliknya di sana"
            one.page.locator("[data-key='objection reason']").fill(reason)
            one.page.locator(".sg-objection .sg-primary").scroll_into_view_if_needed()
            self.take(one.page, "agency-objection")

    def boundaries_impact(self) -> None:
        """What a handover would have changed in the last year."""
        draft = self.agreed()
        with self.person() as one:
            one.log_in("supervisor", f"/boundaries?view=impact%26service=police%26draft={draft}")
            one.page.locator(".sg-b-bars").wait_for()
            self.take(one.page, "boundaries-impact")

    def boundaries_time(self) -> None:
        """The set that will be in force, and a jurisdiction's old and new outline."""
        self.agreed()
        with self.person() as one:
            one.log_in("supervisor", "/boundaries?service=police%26jurisdiction=POL/POL-BARUGA")
            one.page.locator(".sg-b-version").first.wait_for()
            one.page.get_by_role("button", name="Perubahan sesudahnya").click()
            one.page.locator("[data-key=slider][value='1'], [data-key=slider]:enabled").first.wait_for()
            one.page.get_by_role("button", name="Lama dan baru").first.click()
            one.page.locator("path.sg-b-before").wait_for()
            self.take(one.page, "boundaries-time")

    def boundary_file(self) -> None:
        """A file of kelurahan with faults, and one of them on the map."""
        with self.person() as one, TemporaryDirectory() as folder:
            one.log_in("supervisor", "/boundary_file")
            page = one.page
            page.get_by_role("combobox").first.click()
            page.get_by_role("option", name="kelurahan").click()
            page.locator("input[type=file]").set_input_files(faulty(Path(folder) / "kelurahan-2026.geojson"))
            page.get_by_role("button", name="Periksa berkas").click()
            page.locator(".sg-report .sg-b-item").first.wait_for()
            page.locator(".sg-report .sg-b-item").filter(has_text="tumpang tindih").first.click()
            one.ask("window.__siagaReport.map.map.setZoom(15, {animate: false}) && null")
            self.take(page, "boundary-file")

    def agreed(self) -> str:
        """Return the draft of a handover both sides have signed; the first picture that needs it makes it."""
        made = self.product.query("SELECT boundary_draft_id FROM siaga.boundary_draft WHERE state = 'scheduled'")
        if made:
            return str(made[0][0])
        path = "/api/boundaries/drafts"
        with self.person("supervisor") as one:
            draft = post(one, path, {"service": "police", "title": "Kelurahan Anaiwoi ke Polsek Baruga"})
            path += f"/{draft['draft_id']}"
            handover = {"kind": "handover", "areas": ["7471013009"], "from": "POL-MANDONGA", "to": "POL-BARUGA"}
            draft = post(one, path + "/edits", {"version": draft["version"], **handover})
            at = (datetime.now().astimezone() + timedelta(days=30)).replace(hour=0, minute=0, second=0, microsecond=0)
            reason = "lebih dekat lewat Jl. A. Yani"
            body = {"version": draft["version"], "effective_from": at.isoformat(), "reason": reason}
            draft = post(one, path + "/propose", body)
        with self.person("desk-POL") as one:
            post(one, path + "/sign", {"digest": draft["digest"], "office": "Kapolresta Kendari"})
        return str(draft["draft_id"])

    def open(self, one: Person, kind: str) -> None:
        """Select an incident and wait for its detail."""
        one.ask(f"window.__siaga.desk.select('{self.number(kind)}')")
        one.page.locator(".sg-timeline li").first.wait_for()


def post(one: Person, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send what the person's page would send, and return the answer."""
    answer = one.page.evaluate(
        "([path, body]) => fetch(path, {method: 'POST', body: JSON.stringify(body),"
        " headers: {'Content-Type': 'application/json', 'X-Siaga': '1'}}).then(answer => answer.json())",
        [path, body],
    )
    assert "draft_id" in answer, answer
    return dict(answer)


def faulty(path: Path) -> Path:
    """Write the demo's kelurahan as somebody might have drawn them: some of them pushed over their neighbours."""
    areas = json.loads((ROOT / "data/cities/kendari/admin_areas.geojson").read_text(encoding="utf-8"))
    features = [one for one in areas["features"] if one["properties"]["level"] == "kelurahan"]
    for place, feature in enumerate(features):
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        if place % 7 == 3:
            shape = shapely.transform(shape, lambda xy: xy + np.array([0.0007, 0.0003]))
        feature["geometry"] = json.loads(shapely.to_geojson(shape))
        feature["properties"] = {"kode": feature["properties"]["code"], "nama": feature["properties"]["name"]}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


PICTURES = (
    "login",
    "operator",
    "operator-detail",
    "agency",
    "agency-why",
    "planner",
    "planner-kelurahan",
    "agency-objection",
    "boundaries-impact",
    "boundaries-time",
    "boundary-file",
)


@contextmanager
def at(state: Path | None) -> Iterator[Product]:
    """Give the demo that runs in a folder, or a new one with the whole history."""
    if state is None:
        with demo(scale=1.0) as product:
            yield product
        return
    product = Product(State.at(state))
    product.close_all()
    until(product.answers, "the pages answer")
    yield product


def main() -> None:
    """Make the pictures asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, help="a demo that runs already; its open incidents are closed")
    parser.add_argument("--only", nargs="*", choices=PICTURES, default=PICTURES)
    parser.add_argument("--schemes", nargs="*", choices=SCHEMES, default=tuple(SCHEMES))
    args = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with at(args.state) as product, chromium() as browser:
        made = prepare(product)
        for scheme in args.schemes:
            camera = Camera(browser, product, made, scheme)
            for name in args.only:
                getattr(camera, name.replace("-", "_"))()


if __name__ == "__main__":
    main()
