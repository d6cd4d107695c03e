"""The CSV files of a city folder and their columns; described for people in `docs/city-folder.md`."""

from __future__ import annotations

from data.city_files import Column, TableFile, choice, code, codes, day, number, phrases, span, whole
from gis.words import AssignmentRole, Classification, Lane

SEVERITY = span(1, 4)
QUESTIONS = phrases("|")

FILES = {
    table.name.removesuffix(".csv"): table
    for table in (
        TableFile(
            "admin_areas.csv",
            (
                Column("level", choice("kecamatan", "kelurahan", "water")),
                Column("code", code),
                Column("name"),
                Column("parent_code", code, None),
                Column("lon", number, None),
                Column("lat", number, None),
            ),
            key=("level", "code"),
            is_optional=True,
        ),
        TableFile("services.csv", (Column("code", code), Column("name_id"), Column("name_en")), key=("code",)),
        TableFile(
            "agencies.csv",
            (
                Column("code", code),
                Column("name_id"),
                Column("name_en"),
                Column("kind", choice("city", "vertical")),
                Column("services", codes),
                Column("phone", empty=""),
            ),
            key=("code",),
        ),
        TableFile(
            "contacts.csv",
            (
                Column("agency", code, None),
                Column("office"),
                Column("level", whole),
                Column("deputy_office", empty=None),
                Column("channel", choice("inbox", "phone", "sms", "email", "whatsapp", "telegram")),
                Column("address"),
            ),
            key=("agency", "level", "office"),
            is_optional=True,
        ),
        TableFile(
            "incident_types.csv",
            (
                Column("code", code),
                Column("family", code),
                Column("name_id"),
                Column("name_en"),
                Column("lane", choice(*Lane), None),
                Column("severity", whole, None),
                Column("classification", choice(*Classification), None),
                Column("duplicate_radius_m", number, 150.0),
                Column("duplicate_minutes", number, 60.0),
                Column("words", empty=""),
                Column("questions_id", QUESTIONS, ()),
                Column("questions_en", QUESTIONS, ()),
            ),
            key=("code",),
        ),
        TableFile(
            "sop.csv",
            (
                Column("type", code),
                Column("severity", SEVERITY),
                Column("condition", empty=""),
                Column("service", code),
                Column("role", choice(*AssignmentRole)),
                Column("plan", empty=""),
                Column("ack_s", phrases("/"), ()),
                Column("valid_from", day),
                Column("valid_to", day, None),
                Column("source"),
                Column("signed_by", empty=""),
            ),
        ),
        TableFile(
            "sop_examples.csv",
            (
                Column("sentence"),
                Column("type", code),
                Column("severity", whole),
                Column("facts", phrases(";"), ()),
                Column("at"),
                Column("lon", number),
                Column("lat", number),
                Column("lead"),
                Column("support", empty=""),
                Column("inform", empty=""),
            ),
            is_optional=True,
        ),
        TableFile(
            "ladder.csv",
            (
                Column("lane", choice(*Lane)),
                Column("severity", SEVERITY),
                Column("level", whole),
                Column("after_s", whole),
                Column("whom_id"),
                Column("whom_en"),
            ),
            is_optional=True,
        ),
        TableFile(
            "triggers.csv",
            (
                Column("code", code),
                Column("types", codes, ()),
                Column("severity", SEVERITY),
                Column("condition", empty=""),
                Column("n_acting", whole, 0),
                Column("levels", span(1, 9)),
                Column("text_id"),
                Column("text_en"),
            ),
            key=("code",),
            is_optional=True,
        ),
        TableFile(
            "stations.csv",
            (
                Column("code", code),
                Column("name"),
                Column("agency", code),
                Column("service", code),
                Column("jurisdiction", code, None),
                Column("profile", code),
                Column("lon", number),
                Column("lat", number),
                Column("accuracy_m", number),
                Column("source"),
                Column("note", empty=""),
            ),
            key=("code",),
            is_optional=True,
        ),
        TableFile(
            "places.csv",
            (
                Column("name"),
                Column("kind", code),
                Column("aliases", phrases(";"), ()),
                Column("lon", number),
                Column("lat", number),
                Column("accuracy_m", number),
                Column("source"),
            ),
            key=("name", "kind"),
            is_optional=True,
        ),
        TableFile(
            "speeds.csv",
            (
                Column("profile", code),
                Column("road_class", code),
                Column("hour_from", whole, 0),
                Column("speed_kph", number),
                Column("source"),
            ),
            key=("profile", "road_class", "hour_from"),
            is_optional=True,
        ),
        TableFile(
            "neighbours.csv",
            (Column("name"), Column("number"), Column("lon", number), Column("lat", number), Column("source")),
            key=("name",),
            is_optional=True,
        ),
        TableFile(
            "calendar.csv",
            (
                Column("date", day),
                Column("kind", choice("holiday", "joint_leave")),
                Column("name_id"),
                Column("name_en"),
            ),
            key=("date",),
            is_optional=True,
        ),
    )
}
