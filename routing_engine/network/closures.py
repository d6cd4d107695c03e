"""Streets closed or slowed for now: the same network with other times, and fields mended instead of made again.

What is closed is not driven through. It may still be the first or last piece of a drive, at the pace of a walk
(`ACCESS_KPH`): an accident on a street that was closed because of it must be reached, from the end of the street.
Nobody is put on another street by a closure (the next one may be faster), so a closure never shortens a drive.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from gis.errors import NetworkError
from gis.threads import in_parts
from routing_engine.network.arrays import read_arrays
from routing_engine.network.compiled import kernels
from routing_engine.network.fields import SEARCHES_AT_ONCE, Field
from routing_engine.network.graph import RoadGraph
from routing_engine.network.projection import Floats
from routing_engine.network.search import ACCESS_KPH, departures
from routing_engine.network.states import Ints
from routing_engine.network.units import drive_s


def arc_factors(
    graph: RoadGraph, edges: npt.ArrayLike, factor: npt.ArrayLike = np.inf, *, direction: str = "both"
) -> Floats:
    """Return how many times longer each arc takes ``(n_arcs,)``: `factor` on `edges`, infinity where closed, else 1.

    Parameters
    ----------
    edges, factor
        Indices ``(n,)``, and one factor for all or one for each.
    direction
        ``both``, ``forward`` (along the drawing) or ``backward``.
    """
    sides = {"both": [0, 1], "forward": [0], "backward": [1]}[direction]
    edge = np.asarray(edges, dtype=np.int64)
    arcs = graph.edge_arc[edge][:, sides]
    each = np.broadcast_to(np.broadcast_to(np.asarray(factor, np.float64), edge.shape)[:, None], arcs.shape)
    factors = np.ones(len(graph.arc_edge))
    factors[arcs[arcs >= 0]] = each[arcs >= 0]
    return factors


def closed_network(base: RoadGraph, edge_ids: Sequence[int], factors: Sequence[float]) -> RoadGraph:
    """Return the network while edges (by id) are closed or slowed; see `with_factors`.

    Edges the network has not are ignored.
    """
    edge = pd.Index(base.edge_id).get_indexer(pd.Index(edge_ids))
    return with_factors(base, arc_factors(base, edge[edge >= 0], np.asarray(factors, np.float64)[edge >= 0]))


def with_factors(graph: RoadGraph, factors: npt.ArrayLike) -> RoadGraph:
    """Return the network as it is while some arcs are closed or slowed.

    Parameters
    ----------
    graph
        The network, with or without other closures: these replace them.
    factors
        ``(n_arcs,)``, at least 1: how many times longer an arc takes; infinity closes it.

    Returns
    -------
    RoadGraph
        Of the same nodes, edges and states, and the same positions on them; only seconds differ. With nothing closed
        it is the network itself, and so are its fields.

    Raises
    ------
    NetworkError
        A factor is below 1 or not a number.
    """
    base = graph.base or graph
    factor = np.ascontiguousarray(np.broadcast_to(np.asarray(factors, np.float64), base.arc_time_s.shape))
    if not (factor >= 1.0).all():
        raise NetworkError("a closure cannot make a street faster; factors of 1 or more expected")
    if (factor == 1.0).all():
        return base
    changed = np.flatnonzero(factor != 1.0)
    is_closed = np.isinf(factor)
    walked_s = base.edge_length_m[base.arc_edge] * 3.6 / ACCESS_KPH
    time_s = drive_s(base.arc_time_s * np.where(is_closed, 1.0, factor))
    time_s[is_closed] = np.maximum(time_s, drive_s(walked_s))[is_closed]
    through_s = np.where(is_closed, np.inf, time_s)
    digest = hashlib.sha256(f"closures|{base.digest}".encode())
    digest.update(changed.astype(np.int64).tobytes() + factor[changed].tobytes())
    return replace(
        base,
        digest=digest.hexdigest(),
        arc_time_s=time_s,
        entry_time_s=through_s[base.entry_arc] + base.arc_delay_s[base.entry_arc],
        findings=(),
        base=base,
        factors=factor,
    )


def network_of(path: Path, base: RoadGraph) -> RoadGraph:
    """Return the network that the field in `path` was made on, `base` with its closures; see `fields.write_field`."""
    _, arrays = read_arrays(path)
    factors = np.ones(len(base.arc_time_s))
    try:
        factors[arrays["closed_arc"]] = arrays["closed_factor"]
    except (KeyError, IndexError) as error:
        raise NetworkError(f"{path.name}: its closures are not those of graph {base.digest[:12]}") from error
    return with_factors(base, factors)


def repaired(field: Field, graph: RoadGraph, *, digest: str) -> tuple[Field, Ints]:
    """Return the field as `build_field` would make it on `graph`, searching only what changed.

    Parameters
    ----------
    field
        A field of the same network with other closures, or none.
    graph
        The network as it is now.
    digest
        Name of the result; see `fields.field_digest`.

    Returns
    -------
    tuple
        The field, equal to a full one in every bit, and how many states of each station were searched again
        ``(n_stations,)``.

    Raises
    ------
    NetworkError
        The networks are not the same but for what is closed.
    """
    old = field.graph
    if (old.base or old).digest != (graph.base or graph).digest:
        raise NetworkError("a field can only be mended for the same network; build it instead")
    time_s, path_m, parent = field.time_s.T.copy(), field.path_m.T.copy(), field.parent.copy()
    stations = replace(field.stations, graph=graph)
    before, after = departures(old, field.stations, field.access_kph), departures(graph, stations, field.access_kph)
    slower_s = np.maximum(old.entry_time_s, graph.entry_time_s)
    network = (graph.indptr, graph.indices, graph.in_start, graph.in_entry, graph.entry_source, graph.entry_length)
    slower = np.flatnonzero(graph.entry_time_s > old.entry_time_s).astype(np.int32)
    faster = np.flatnonzero(graph.entry_time_s < old.entry_time_s).astype(np.int32)
    starts = (after.start, after.state, before.time_s, np.maximum(before.time_s, after.time_s), after.time_s)
    rows = np.arange(len(field.codes))
    n_again = np.zeros(len(rows), dtype=np.int64)
    repair = kernels().repairing.repair

    def mend(first: int, last: int) -> None:
        repair(
            *(*network, slower_s, graph.entry_time_s, slower, faster, *starts, after.length, rows, first, last),
            *(time_s, path_m, parent, n_again),
        )

    in_parts(mend, len(rows), least=SEARCHES_AT_ONCE)
    return Field(graph, field.codes, stations, field.access_kph, digest, time_s.T, path_m.T, parent), n_again
