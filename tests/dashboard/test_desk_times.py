"""Where the desk shows minutes, it says what stands behind them."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.dashboard.conftest import until

pytestmark = pytest.mark.browser

CALIBRATED = text(
    """
WITH made AS (
  INSERT INTO siaga.travel_calibration (profile, valid_from, valid_to, recorded_by, source, model, n_runs, n_held_out,
    parameters, report)
  VALUES ('fire_engine', now(), now(), 'test', 'test', 'test', 1, 1, '{}', '{}') RETURNING calibration_id
)
UPDATE siaga.assignment a SET travel_time_p90_s = 480, calibration_id = made.calibration_id, version = a.version + 1
FROM made, siaga.incident i WHERE i.incident_id = a.incident_id AND i.number = :number AND a.agency_code = 'DMK'
"""
)


def test_minutes_are_not_calibrated_until_runs_stand_behind_them(open_desk, kendari):
    operator, agency = open_desk("operator"), open_desk("desk-DMK")
    number = operator.report("n kbk1 @-3.97533, 122.52733 !1 ; gudang terbakar")
    body = operator.page.locator(".sg-detail-body")
    assert "Waktu tempuh belum dikalibrasi" in body.inner_text()
    assert body.locator(".sg-assumed").count() == 1
    assert body.locator("[title='lewat jalan, belum dikalibrasi']").count() > 0
    until(agency.card(number).count, "the agency does not see it")
    assert "belum dikalibrasi" in agency.card(number).inner_text()

    with kendari.begin() as tx:
        tx.execute(CALIBRATED, {"number": number})
    until(lambda: "belum dikalibrasi" not in agency.card(number).inner_text(), "the card still says so")
    agency.card(number).click()
    own = agency.page.locator(".sg-own")
    until(lambda: own.count() and "90 % dalam 8,0 mnt" in own.inner_text(), "no P90")
    assert agency.page.locator(".sg-assumed").count() == 0
