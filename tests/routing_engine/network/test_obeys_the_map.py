"""Shortest paths on real extracts break no one-way and no turn restriction, says a checker with rules of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data.osm_network import read_roads
from gis.settings import ROOT
from routing_engine.network.graph import build_graph
from routing_engine.network.profiles import PROFILES
from routing_engine.network.routes import routes
from routing_engine.network.snapping import snap
from routing_engine.network.states import UTurns
from tests.oracles import path_checker
from tests.oracles.agreement import draw

# The rule the product drives by is walked in full; the other one differs at the ends of streets only.
N_PATHS = {UTurns.ANYWHERE: 2_000, UTurns.DEAD_ENDS: 500}


def steps_of(route, roads):
    """Return the OSM ways and nodes of a path; its ends, somewhere on their edges, are driven to the next node."""
    edges = roads.edges
    way = edges["osm_way_id"].to_numpy(np.int64)[route.edge]
    ends = edges[["from_node", "to_node"]].to_numpy(np.int64)[route.edge]
    ends = np.where(route.is_forward[:, None], ends, ends[:, ::-1])
    return list(zip(way.tolist(), ends[:, 0].tolist(), ends[:, 1].tolist(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(("extract", "srid"), [("malta", 32633), ("north_bayreuth", 32632)])
@pytest.mark.parametrize("u_turns", UTurns)
def test_paths_obey_every_sign(geodata, extract, srid, u_turns):
    path = geodata / "osm" / f"{extract}.osm.pbf"
    roads = read_roads(path)
    speeds = pd.read_csv(ROOT / "data/cities/kendari/speeds.csv")
    graph = build_graph(
        roads.nodes,
        roads.edges,
        roads.restrictions,
        speeds=speeds,
        profile=PROFILES["car"],
        metric_srid=srid,
        u_turns=u_turns,
    )
    rng = np.random.default_rng(2)
    ends = [snap(graph, draw(graph, N_PATHS[u_turns], rng), limit_m=50.0) for _ in range(2)]
    roadside = path_checker.read(path)
    # The checker is awake: it knows the extract's restrictions.
    assert roadside.n_rules > 30
    n_met, wrong = 0, []
    for route in routes(graph, *ends):
        assert route is not None
        if len(route.edge) == 1:
            continue
        path_of_ways = steps_of(route, roads)
        n_met += sum(bool(roadside.rules.get(way)) for way, _, _ in path_of_ways)
        wrong += path_checker.violations(path_of_ways, roadside)
    assert n_met > N_PATHS[u_turns] // 4
    assert wrong == []


def test_the_checker_sees_a_forbidden_turn_and_a_wrong_way():
    """On a hand-made crossing: way 1 into node 2, ways 2 and 3 out of it, 3 one-way towards it."""
    roadside = path_checker.Roadside(
        nodes={1: (1, 2), 2: (2, 3), 3: (2, 4), 4: (3, 5)},
        is_oneway={1: 0, 2: 0, 3: -1, 4: 0},
        n_rules=1,
    )
    roadside.rules[1].append(path_checker.Rule(9, "no_left_turn", 1, 2, (), 2))
    assert path_checker.violations([(1, 1, 2)], roadside) == []
    assert "relation 9" in path_checker.violations([(1, 1, 2), (2, 2, 3)], roadside)[0]
    assert "way 3" in path_checker.violations([(1, 1, 2), (3, 2, 4)], roadside)[0]
    assert "begins at node" in path_checker.violations([(1, 1, 2), (2, 3, 2)], roadside)[0]
    roadside.rules[1] = [path_checker.Rule(9, "only_straight_on", 1, 2, (), 3)]
    assert "relation 9" in path_checker.violations([(1, 1, 2), (2, 2, 3)], roadside)[0]
    roadside.rules[1] = [path_checker.Rule(9, "no_left_turn", 1, None, (2,), 4)]
    assert path_checker.violations([(1, 1, 2), (2, 2, 3)], roadside) == []
    assert "relation 9" in path_checker.violations([(1, 1, 2), (2, 2, 3), (4, 3, 5)], roadside)[0]
    roadside.rules[1] = [path_checker.Rule(9, "no_u_turn", 1, 2, (), 1)]
    assert "relation 9" in path_checker.violations([(1, 1, 2), (1, 2, 1)], roadside)[0]
