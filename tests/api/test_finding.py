from __future__ import annotations

import pytest

from tests.api.conftest import assert_problem


def find(call, **query):
    return call("intake", "GET", "/v1/find-service", params={"lon": 122.47, "lat": -4.01, **query})


def test_one_service_names_its_jurisdiction_with_validity_and_receipt(call):
    body = find(call, service="police").json()
    (found,) = body["services"]
    (won,) = found["jurisdictions"]
    assert (found["service"], found["match"], won["code"], won["agency"]) == ("police", "covers", "polsek-barat", "POL")
    assert won["version"] == 1
    assert won["valid_from"].startswith("2026-01-01")
    assert won["valid_to"] is None
    assert len(found["receipt"]["digest"]) == 64
    assert body["admin"]["kelurahan"][0]["code"] == "B1"


def test_no_service_means_all_and_a_type_means_its_sop(call):
    assert {item["service"] for item in find(call).json()["services"]} == {"police", "fire", "medical"}
    by_type = {item["service"]: item["role"] for item in find(call, type="KBK1").json()["services"]}
    assert by_type == {"fire": "lead", "police": "support"}
    assert [item["service"] for item in find(call, type="KBK1", service="police").json()["services"]] == ["police"]


def test_accuracy_shares_the_point_between_neighbours(call):
    (found,) = find(call, service="police", lon=122.5, accuracy_m=500).json()["services"]
    assert {item["code"] for item in found["jurisdictions"]} == {"polsek-barat", "polsek-timur"}
    assert sum(item["share"] for item in found["jurisdictions"]) == pytest.approx(1, abs=0.002)


def test_before_the_boundaries_and_far_away_nobody_is(call):
    for query in ({"at": "2020-01-01T00:00:00Z"}, {"lon": 106.8, "lat": -6.2}):
        (found,) = find(call, service="police", **query).json()["services"]
        assert (found["match"], found["jurisdictions"]) == ("unassigned", [])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"lon": "122,47"}, "lon"),
        ({"lon": "nan"}, "lon"),
        ({"lat": "inf"}, "lat"),
        ({"lat": "-91"}, "lat"),
        ({"lon": "0", "lat": "0"}, "lon"),
        ({"accuracy_m": "-1"}, "accuracy_m"),
        ({"accuracy_m": "5001"}, "accuracy_m"),
        ({"service": "dragons"}, "service"),
        ({"type": "KAM9"}, "type"),
        ({"type": "ADM2"}, "type"),
        ({"at": "2026-01-01"}, "at"),
        ({"at": "now"}, "at"),
        ({"at": "9999-12-31T23:59:59-12:00"}, "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"lng": "1"}, "lng"),
    ],
)
def test_bad_question_is_refused_by_name(call, query, field):
    for language in ("id", "en"):
        answer = call(
            "intake",
            "GET",
            "/v1/find-service",
            params={"lon": 122.47, "lat": -4.01, **query},
            headers={"accept-language": language},
        )
        assert [error["field"] for error in assert_problem(answer, 422)["errors"]] == [field]


def test_missing_coordinates_are_named(call):
    refused = assert_problem(call("intake", "GET", "/v1/find-service"), 422)
    assert {error["field"] for error in refused["errors"]} == {"lon", "lat"}


def test_nearest_stations_come_in_order_and_say_how_they_were_measured(call):
    query = {"lon": 122.52, "lat": -4.0, "service": "police", "limit": 2}
    found = call("planner", "GET", "/v1/nearest", params=query).json()["stations"]
    assert [station["code"] for station in found] == ["POL-T", "POL-B"]
    assert found[0]["travel_time_s"] < found[1]["travel_time_s"]
    assert {station["estimate"] for station in found} == {"straight_line"}
    assert_problem(call("planner", "GET", "/v1/nearest", params={**query, "service": "dragons"}), 422)
    assert_problem(call("planner", "GET", "/v1/nearest", params={**query, "limit": 0}), 422)
    assert {(station["calibration"], station["travel_time_p90_s"]) for station in found} == {("none", None)}


def test_nearest_is_asked_for_an_hour_of_the_city_s_day(call):
    query = {"lon": 122.52, "lat": -4.0, "service": "police"}
    assert call("planner", "GET", "/v1/nearest", params={**query, "hour": 17}).json()["hour"] == 17
    assert call("planner", "GET", "/v1/nearest", params=query).json()["hour"] in range(24)
    for hour in (24, -1, "pagi", "7.5"):
        assert_problem(call("planner", "GET", "/v1/nearest", params={**query, "hour": hour}), 422)


def test_without_roads_routes_say_so_and_matrices_estimate(call):
    for path in ("/v1/route?from=122.47,-4.01&to=122.5,-4.0", "/v1/isochrones?lon=122.47&lat=-4.01&minutes=5"):
        body = assert_problem(call("intake", "GET", path), 409)
        assert "./siaga import roads" in body["detail"]
    places = {"origins": [[122.47, -4.01]], "destinations": [[122.5, -4.0]]}
    found = call("intake", "POST", "/v1/matrix", json=places).json()
    assert (found["profile"], found["estimate"]) == (None, [["straight_line"]])
