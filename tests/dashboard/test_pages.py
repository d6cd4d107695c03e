"""Pages as Streamlit runs them, on the real demo city."""

from __future__ import annotations

import dataclasses

import pytest
from shapely.geometry import Point, shape
from streamlit.testing.v1 import AppTest

from dashboard import navigation
from dashboard.services import Person, Services
from gis import accounts
from gis.errors import ForbiddenError
from gis.words import Role
from tests.conftest import ROOT

PASSWORD = "kuda laut 7 biru"


@pytest.fixture(scope="module")
def cookies(kendari):
    with kendari.begin() as tx:
        made = {}
        people = (
            ("operator", "operator", None),
            ("penerima", "intake", None),
            ("desk-DMK", "agency", "DMK"),
            ("desk-POL", "agency", "POL"),
        )
        for name, role, agency in people:
            account = accounts.create(tx, name, PASSWORD, role=role, agency=agency)
            made[name] = accounts.open_session(tx, account)
    return made


@pytest.fixture(scope="module")
def services(server, kendari_database, cookies):
    door = Services(server.settings("pages", kendari_database))
    yield door
    door.engine.dispose()


def test_a_session_names_its_person(services, cookies, kendari):
    found = services.person(cookies["desk-DMK"])
    assert (found.account.name, found.actor.agency, found.language) == ("desk-DMK", "DMK", "id")
    assert services.person("nobody") is None
    assert services.person("") is None


def test_language_is_kept_by_the_pages_own_role(services, cookies):
    mine = services.of(services.person(cookies["penerima"]))
    mine.set_language("en")
    assert services.person(cookies["penerima"]).language == "en"
    mine.set_language("id")


def test_own_area_is_the_agencys(services, cookies):
    fire = shape(services.of(services.person(cookies["desk-DMK"])).own_area())
    assert fire.covers(Point(122.515, -3.985))
    assert not fire.covers(Point(106.8, -6.2))
    police = services.of(services.person(cookies["desk-POL"]))
    station = Person(
        actor=dataclasses.replace(police.me.actor, jurisdiction="POLSEK-BARUGA-NO-SUCH"), account=police.me.account
    )
    assert services.of(station).own_area() is None
    with pytest.raises(ForbiddenError):
        services.of(services.person(cookies["operator"])).own_area()


@pytest.mark.parametrize("name", ["operator", "penerima", "desk-DMK"])
def test_pages_are_drawn_without_an_error(services, cookies, name, monkeypatch):
    monkeypatch.setattr(navigation, "door", lambda: services)
    monkeypatch.setattr(navigation, "cookie", lambda: cookies[name])
    app = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=60).run()
    assert not app.exception
    assert not app.warning
    # The bar and the desk: two mounts of the one component.
    assert sum(type(element).__name__ == "UnknownElement" for element in app.main.children.values()) >= 2


def test_without_a_session_there_is_only_the_way_in(services, monkeypatch):
    monkeypatch.setattr(navigation, "door", lambda: services)
    monkeypatch.setattr(navigation, "cookie", lambda: "nobody")
    app = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=60).run()
    assert not app.exception
    assert "berakhir" in app.warning[0].value
    assert len(app.main.children) == 2


def test_a_database_away_is_said_and_not_shown_as_an_error(server, kendari_database, monkeypatch):
    settings = server.settings("pages", kendari_database)
    lost = Services(dataclasses.replace(settings, database_url=settings.database_url.replace("port=", "port=1")))
    monkeypatch.setattr(navigation, "door", lambda: lost)
    monkeypatch.setattr(navigation, "cookie", lambda: "nobody")
    app = AppTest.from_file(ROOT / "streamlit_app.py", default_timeout=60).run()
    assert not app.exception
    assert "tidak terjangkau" in app.warning[0].value


def test_every_role_has_its_pages():
    assert navigation.PAGES_OF.keys() == set(Role)
    assert {name for names in navigation.PAGES_OF.values() for name in names} == navigation.PAGES.keys()
