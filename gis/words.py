"""Closed vocabularies of the contract (§2): English codes, stable; labels come from the city and `dashboard.text`."""

from __future__ import annotations

from enum import StrEnum


class Lane(StrEnum):
    """Two queues with clocks of their own: emergencies in seconds, services in days."""

    D = "D"
    L = "L"


class Role(StrEnum):
    """Who an account or a token is."""

    INTAKE = "intake"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    AGENCY = "agency"
    PLANNER = "planner"
    ADMIN = "admin"


class Language(StrEnum):
    """Languages of the interface."""

    ID = "id"
    EN = "en"


class Channel(StrEnum):
    """How a report came in."""

    CALL = "112"
    APP = "app"
    AGENCY = "agency"
    SENSOR = "sensor"
    IMPORT = "import"


class LocationMethod(StrEnum):
    """How the position of a report was found."""

    MAP = "map"
    GPS = "gps"
    LINK = "link"
    CELL = "cell"
    LANDMARK = "landmark"
    ADDRESS = "address"


class Classification(StrEnum):
    """What a report turned out to be."""

    EMERGENCY = "emergency"
    SERVICE = "service"
    INFORMATION = "information"
    PRANK = "prank"
    GHOST = "ghost"
    WRONG_NUMBER = "wrong_number"
    OUT_OF_AREA = "out_of_area"
    TEST = "test"


# What is recorded and calls nobody.
NO_INCIDENT = frozenset(
    {
        Classification.INFORMATION,
        Classification.PRANK,
        Classification.GHOST,
        Classification.WRONG_NUMBER,
        Classification.TEST,
    }
)


class Origin(StrEnum):
    """Whether an incident is real, an exercise, or data of a demo or of the past."""

    LIVE = "live"
    DRILL = "drill"
    DEMO = "demo"
    HISTORY = "history"


class IncidentStatus(StrEnum):
    """Life of an incident; reopening is an event, not a status."""

    DRAFT = "draft"
    VERIFIED = "verified"
    DISPATCHED = "dispatched"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in_progress"
    UNDER_CONTROL = "under_control"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    UNFOUNDED = "unfounded"
    MERGED = "merged"
    HANDED_OFF = "handed_off"


ENDED = frozenset(
    {
        IncidentStatus.CLOSED,
        IncidentStatus.CANCELLED,
        IncidentStatus.UNFOUNDED,
        IncidentStatus.MERGED,
        IncidentStatus.HANDED_OFF,
    }
)


class AssignmentRole(StrEnum):
    """What an agency does for an incident."""

    LEAD = "lead"
    SUPPORT = "support"
    INFORM = "inform"


class AssignmentState(StrEnum):
    """Life of an agency's assignment, in order; `declined` is an end beside it."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    SEEN = "seen"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    DONE = "done"


class Match(StrEnum):
    """Why a jurisdiction is responsible for a point."""

    COVERS = "covers"
    SHARE = "share"
    NEAREST = "nearest"
    CITYWIDE = "citywide"
    UNASSIGNED = "unassigned"


class Estimate(StrEnum):
    """How a travel time was found."""

    ROAD = "road"
    STRAIGHT_LINE = "straight_line"
    NONE = "none"


class Hazard(StrEnum):
    """Dangers a caller may name."""

    FIRE = "fire"
    GAS = "gas"
    WEAPON = "weapon"
    ELECTRICITY = "electricity"
    WATER = "water"
    HAZMAT = "hazmat"
    CROWD = "crowd"


SERVICES = (
    "police",
    "fire",
    "medical",
    "rescue",
    "civil_protection",
    "military",
    "electricity",
    "traffic",
    "public_order",
    "social",
    "environment",
    "public_works",
    "water",
    "child_protection",
    "harbour",
    "water_police",
    "wildlife",
    "public_health",
    "hospital",
    "local_government",
    "district_government",
)
