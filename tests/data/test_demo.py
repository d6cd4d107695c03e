"""Seeding a demo: all parts, once, and a history that has duties but no clocks, messages or callers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from data.demo import seed_demo
from data.history_store import has_history, seed_history
from gis.city import read_city
from gis.db import database_now, make_engine
from zones.receipts import replay

ROOT = Path(__file__).resolve().parents[2]
KENDARI = ROOT / "data/cities/kendari"


@pytest.fixture(scope="module")
def small_history(tmp_path_factory) -> Path:
    """A folder with Kendari's settings for a short history."""
    folder = tmp_path_factory.mktemp("kendari")
    settings = (KENDARI / "history.toml").read_text(encoding="utf-8")
    settings = settings.replace("days = 1096", "days = 40").replace("receipt_days = 90", "receipt_days = 15")
    (folder / "history.toml").write_text(settings, encoding="utf-8")
    return folder


def seed(tx, folder: Path, server, **more) -> dict[str, int]:
    return seed_history(tx, folder, state=server.state, now=database_now(tx), progress=lambda _: None, **more)


@pytest.fixture
def seeded(kendari_tx, small_history, server):
    written = seed(kendari_tx, small_history, server)
    return kendari_tx, written


def count(tx, rows: str) -> int:
    return tx.execute(text(f"SELECT count(*) FROM {rows}")).scalar_one()  # noqa: S608 - the tests' own text


def test_every_incident_is_history_and_lies_in_its_areas(seeded):
    tx, written = seeded
    assert written["incidents"] == count(tx, "siaga.incident WHERE origin = 'history'") > 200
    assert count(tx, "siaga.incident WHERE closed_at IS NULL OR result IS NULL") == 0
    for level in ("kelurahan", "kecamatan"):
        covered = f"siaga.incident_area WHERE level = '{level}' AND position = 0"
        assert count(tx, covered) == written["incidents"]
    wrong = """siaga.incident i JOIN siaga.incident_area ia USING (incident_id)
               JOIN siaga.admin_area a USING (level, code)
               WHERE ia.position = 0 AND ia.level <> 'water' AND NOT ST_Covers(a.geom, i.geom)"""
    assert count(tx, wrong) == 0


def test_history_has_no_clock_message_report_or_caller(seeded):
    tx, _ = seeded
    for table in ("siaga.clock", "siaga.outbox", "siaga.report", "siaga.inbox_item", "private.caller"):
        assert count(tx, table) == 0


def test_only_the_newest_incidents_have_duties_and_each_has_one_lead(seeded):
    tx, written = seeded
    recent = "siaga.incident WHERE received_at >= now() - interval '15 days'"
    old = (
        "siaga.assignment a JOIN siaga.incident i USING (incident_id) WHERE i.received_at < now() - interval '15 days'"
    )
    assert count(tx, old) == 0
    assert count(tx, "siaga.assignment WHERE role = 'lead'") == count(tx, recent) > 50
    assert written["assignments"] == count(tx, "siaga.assignment") > written["receipts"] * 0.9
    assert count(tx, "siaga.assignment WHERE why_id = '' OR why_en = ''") == 0


def test_receipts_replay_to_the_same_digest(seeded):
    tx, _ = seeded
    city = read_city(tx)
    ids = tx.execute(text("SELECT receipt_id FROM siaga.receipt ORDER BY receipt_id LIMIT 25")).scalars().all()
    assert len(ids) == 25
    assert all(replay(tx, str(receipt_id), city=city)["same"] for receipt_id in ids)


def test_positions_stay_in_order_of_share(seeded):
    tx, _ = seeded
    doubled = "(SELECT FROM siaga.incident_area GROUP BY incident_id, level, position HAVING count(*) > 1) t"
    assert count(tx, doubled) == 0


def test_a_second_seeding_changes_nothing(seeded, small_history, server):
    tx, _ = seeded
    before = count(tx, "siaga.incident")
    assert set(seed(tx, small_history, server).values()) == {0}
    assert count(tx, "siaga.incident") == before


def test_scale_multiplies(kendari_tx, small_history, server):
    written = seed(kendari_tx, small_history, server, scale=3)
    assert written["incidents"] > 800


def test_refused_settings_write_nothing(kendari_tx, tmp_path, server):
    (tmp_path / "history.toml").write_text("[calls]\nticket_share = 2\n", encoding="utf-8")
    with pytest.raises(Exception, match="cannot be used"):
        seed(kendari_tx, tmp_path, server)
    assert not has_history(kendari_tx)


def test_demo_of_a_city_that_is_there_adds_the_history_and_then_returns_at_once(
    server, kendari_database, small_history, tmp_path
):
    # A seeding that was interrupted before the history: the city stays as it is.
    folder = tmp_path / "city"
    shutil.copytree(KENDARI, folder)
    shutil.copy(small_history / "history.toml", folder)
    settings = server.settings("owner", kendari_database)
    said: list[str] = []
    first = seed_demo(settings, folder, progress=said.append)
    assert first["is_new"]
    assert first["incidents"] > 200
    assert "city" not in first
    second = seed_demo(settings, folder, progress=said.append)
    assert not second["is_new"]
    engine = make_engine(settings, application="test")
    with engine.connect() as tx:
        assert tx.execute(text("SELECT is_demo FROM siaga.city")).scalar_one()
        assert count(tx, "siaga.incident") == first["incidents"]
    engine.dispose()
