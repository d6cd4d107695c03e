"""What the OpenAPI page says of bodies and answers.

Bodies are judged by the domain, which names every fault at once and in the caller's language; these schemas only
describe them, built from the same vocabularies, and a test sends their examples.
"""

from __future__ import annotations

from typing import Any

from gis import words
from gis.reports import MAX_ACCURACY_M, MAX_DESCRIPTION, MAX_TEXT
from routing_engine.dispatch import objections
from routing_engine.dispatch.changes import EVENT_KINDS
from routing_engine.dispatch.closure_form import MAX_FACTOR, MAX_VERTICES
from routing_engine.dispatch.incidents import ACTING
from routing_engine.network.profiles import PROFILES


def _codes(vocabulary: Any, **more: Any) -> dict[str, Any]:
    return {"type": "string", "enum": [str(code) for code in vocabulary], **more}


def _text(limit: int = MAX_TEXT, **more: Any) -> dict[str, Any]:
    return {"type": "string", "maxLength": limit, **more}


def _object(properties: dict[str, Any], required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    shape = {"type": "object", "properties": properties, "additionalProperties": False, **more}
    return {**shape, "required": list(required)} if required else shape


FACTS = _object(
    {
        "n_victims": {"type": "integer", "minimum": 0},
        "n_dead": {"type": "integer", "minimum": 0},
        "hazards": {"type": "array", "items": _codes(words.Hazard)},
        "child": {"type": "boolean"},
        "on_road": {"type": "boolean"},
        "armed": {"type": "boolean"},
    }
)

REPORT = _object(
    {
        "type": {"type": "string", "description": "code of the city's list of types"},
        "lon": {"type": "number", "minimum": -180, "maximum": 180},
        "lat": {"type": "number", "minimum": -90, "maximum": 90},
        "accuracy_m": {"type": "number", "minimum": 0, "maximum": MAX_ACCURACY_M},
        "location_method": _codes(words.LocationMethod),
        "location_text": _text(),
        "severity": {"type": "integer", "minimum": 1, "maximum": 4},
        "description": _text(MAX_DESCRIPTION),
        "occurred_at": {"type": "string", "format": "date-time"},
        "channel": _codes(words.Channel),
        "caller": _object({"phone": _text(), "name": _text(), "relation": _text()}),
        "facts": FACTS,
        "attach_to": {"type": ["string", "null"], "format": "uuid"},
        "call_id": {"type": ["string", "null"], "maxLength": MAX_TEXT},
        "confirm_position": {"type": "boolean"},
        "classification": _codes(words.Classification),
        "drill": {"type": "boolean"},
    },
    ("type",),
    example={
        "type": "KAM1",
        "lon": 122.49985,
        "lat": -3.9962,
        "accuracy_m": 100,
        "location_method": "landmark",
        "location_text": "simpang Wua-Wua",
        "facts": {"n_victims": 2, "hazards": ["weapon"]},
    },
)

# Members an event may have; which of them a kind takes is the domain's to judge.
EVENT = _object(
    {
        "kind": _codes(EVENT_KINDS),
        "version": {"type": "integer", "description": "version of the incident this change was made on"},
        "text": _text(MAX_DESCRIPTION, description="verify, note, escalate, confirm, handoff"),
        "reason": _text(1000, description="lane L, close with open assignments, reopen, cancel, appoint"),
        "result": _text(1000, description="close"),
        "classification": _codes(words.Classification, description="classify"),
        "lon": {"type": "number", "description": "relocate"},
        "lat": {"type": "number", "description": "relocate"},
        "accuracy_m": {"type": "number", "minimum": 0, "maximum": MAX_ACCURACY_M, "description": "relocate"},
        "confirm_position": {"type": "boolean", "description": "relocate"},
        "incident_id": {"type": "string", "format": "uuid", "description": "attach, detach"},
        "lane": _codes(words.Lane, description="lane"),
        "handled": {"type": "boolean", "description": "confirm"},
        "unfounded": {"type": "boolean", "description": "cancel"},
        "government": _text(description="handoff"),
        "number": _text(description="handoff"),
        "assignment_id": {"type": "string", "format": "uuid", "description": "recall"},
        "note": _text(1000, description="recall: a word to the agency"),
        "jurisdiction": _text(description="appoint: code"),
        "service": _text(description="appoint, where the code serves several"),
        "agency": _text(description="appoint, where several agencies have the code"),
        "role": _codes(ACTING, description="appoint"),
    },
    ("kind", "version"),
    example={"kind": "note", "version": 1, "text": "pelapor menunggu di depan ruko"},
)

STATE = _object(
    {
        "state": _codes(words.AssignmentState),
        "version": {"type": "integer", "description": "version of the assignment this change was made on"},
        "note": _text(1000, description="the reason of a decline"),
        "result": {"type": ["string", "null"], "maxLength": 1000, "description": "what was done; needed for done"},
    },
    ("state", "version"),
    example={"state": "accepted", "version": 2, "note": ""},
)

OBJECTION = _object(
    {
        "reason": _text(objections.MAX_TEXT),
        "agency": {**_text(60, description="whose it should be, by code"), "type": ["string", "null"]},
        "jurisdiction": {**_text(60, description="code of that jurisdiction"), "type": ["string", "null"]},
    },
    ("reason",),
    example={"reason": "Titik di utara jalan, itu wilayah Polsek Kemaraya.", "jurisdiction": "POL-KEMARAYA"},
)

CLOSURE = _object(
    {
        "geometry": {
            "type": "object",
            "description": f"GeoJSON LineString or Polygon, at most {MAX_VERTICES} vertices; or lon and lat",
        },
        "lon": {"type": "number", "minimum": -180, "maximum": 180, "description": "a click on a street"},
        "lat": {"type": "number", "minimum": -90, "maximum": 90},
        "from": {"type": ["string", "null"], "format": "date-time", "description": "now if absent"},
        "until": {"type": ["string", "null"], "format": "date-time", "description": "until it is ended if absent"},
        "profiles": {"type": ["array", "null"], "items": _codes(PROFILES), "description": "all if absent"},
        "factor": {
            "type": ["number", "null"],
            "exclusiveMinimum": 1,
            "maximum": MAX_FACTOR,
            "description": "so many times slower; shut if absent",
        },
        "reason": _text(),
    },
    ("reason",),
    example={"lon": 122.5175, "lat": -3.9885, "reason": "banjir setinggi lutut"},
)

PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": _object({name: {"type": "string"} for name in ("field", "reason", "hint")}),
        },
    },
}

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": said, "content": {"application/problem+json": {"schema": PROBLEM}}}
    for status, said in {
        400: "the request cannot be read",
        401: "no token, or one that is not good",
        403: "the role may not do this",
        404: "not here, or not yours",
        409: "stale version, or the key was used with another body",
        413: "body over 64 kB",
        422: "values that cannot be accepted, every one named",
        503: "the database is away; Retry-After says when to try again",
    }.items()
}


def body(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what `openapi_extra` needs for a JSON body."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
