"""Who called: masked to operators, whole only with a reason on record, in the database as well as at the door."""

from __future__ import annotations

import pytest
from sqlalchemy import exc, text

from gis.db import make_engine
from tests.api.conftest import assert_problem
from tests.api.test_browser import NOBODY, browsers, save, served  # noqa: F401

CALLER = {"phone": "0812 3456 7890", "name": "Contoh Pelapor", "relation": "saksi"}
OURS = {"x-siaga": "1"}
REVEAL = text("SELECT * FROM private.reveal_caller(CAST(:id AS uuid), 'a', :role, :reason, '+62', '0')")
AUDIT = text("SELECT actor, actor_role, subject, detail FROM siaga.audit WHERE action = 'caller.reveal' ORDER BY at")


def reveal(browser, report_id, **body):
    return browser.post(f"/api/reports/{report_id}/caller", json=body, headers=OURS)


def test_operators_see_it_masked_and_others_not_at_all(browsers, save):  # noqa: F811
    made = save(caller=CALLER)
    path = f"/api/incidents/{made['incident_id']}"
    for who in ("operator", "supervisor"):
        (caller,) = browsers[who].get(path).json()["callers"]
        assert caller["report_id"] == made["report_id"]
        assert (caller["phone"], caller["name"], caller["relation"]) == ("0812-****-7890", "C****", "saksi")
    for who in ("POL", "admin"):
        answer = browsers[who].get(path)
        assert answer.json()["callers"] == []
        assert "34567890" not in answer.text.replace(" ", "")
        assert "****" not in answer.text
    assert_problem(browsers["planner"].get(path), 403)


def test_those_of_a_folded_incident_are_among_them(browsers, save):  # noqa: F811
    first, second = save(), save(caller=CALLER)
    body = {"kind": "attach", "version": 1, "incident_id": second["incident_id"]}
    joined = browsers["operator"].post(f"/api/incidents/{first['incident_id']}/events", json=body, headers=OURS)
    assert joined.status_code == 201
    (caller,) = browsers["operator"].get(f"/api/incidents/{first['incident_id']}").json()["callers"]
    assert caller["report_id"] == second["report_id"]


def test_it_is_shown_whole_with_a_reason_that_goes_on_record(browsers, save, owner):  # noqa: F811
    made = save(caller=CALLER)
    assert_problem(reveal(browsers["operator"], made["report_id"]), 422)
    assert_problem(reveal(browsers["operator"], made["report_id"], reason=" "), 422)
    for who in ("POL", "planner", "admin", "intake"):
        assert_problem(reveal(browsers[who], made["report_id"], reason="x"), 403)
    assert_problem(reveal(browsers["operator"], NOBODY, reason="x"), 404)
    assert_problem(reveal(browsers["operator"], save()["report_id"], reason="x"), 404)
    with owner.connect() as tx:
        before = len(tx.execute(AUDIT).all())
    answer = reveal(browsers["supervisor"], made["report_id"], reason="sambungan putus")
    assert answer.json() == {"phone": "081234567890", "name": "Contoh Pelapor", "relation": "saksi"}
    with owner.connect() as tx:
        rows = tx.execute(AUDIT).all()
    assert len(rows) == before + 1
    assert tuple(rows[-1]) == (
        "supervisor",
        "supervisor",
        f"report:{made['report_id']}",
        {"reason": "sambungan putus", "incident_id": made["incident_id"]},
    )


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("0401 312 1234", "040-****-234"),
        ("110", "****"),
        ("nomor tetangga", "****"),
        ("+1 650 253 0000", "+165-****-0000"),
    ],
)
def test_of_a_short_or_odd_number_nothing_is_shown(browsers, save, phone, shown):  # noqa: F811
    made = save(caller={"phone": phone})
    (caller,) = browsers["operator"].get(f"/api/incidents/{made['incident_id']}").json()["callers"]
    assert (caller["phone"], caller["name"]) == (shown, None)


@pytest.mark.parametrize("role", ["api", "pages", "worker", "planner"])
def test_no_process_reads_the_table(server, city_database, role):
    engine = make_engine(server.settings(role, city_database), application="test")
    try:
        with engine.connect() as tx, pytest.raises(exc.ProgrammingError, match="permission denied"):
            tx.execute(text("SELECT phone FROM private.caller"))
        if role != "pages":
            with engine.connect() as tx, pytest.raises(exc.ProgrammingError, match="permission denied"):
                tx.execute(REVEAL, {"id": NOBODY, "role": "operator", "reason": "r"})
    finally:
        engine.dispose()


def test_the_database_itself_asks_for_role_and_reason(server, city_database):
    engine = make_engine(server.settings("pages", city_database), application="test")
    try:
        for role, reason in (("agency", "r"), ("operator", " ")):
            with engine.connect() as tx, pytest.raises(exc.ProgrammingError, match="with a reason"):
                tx.execute(REVEAL, {"id": NOBODY, "role": role, "reason": reason})
    finally:
        engine.dispose()
