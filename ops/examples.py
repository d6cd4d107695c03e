"""An example of every command, as its --help shows it."""

from __future__ import annotations

import argparse

EXAMPLES = {
    "demo": "./siaga demo --detach",
    "up": "./siaga up --detach --state /var/lib/siaga",
    "down": "./siaga down",
    "status": "./siaga status --json",
    "doctor": "./siaga doctor",
    "report": "./siaga report --lon 122.49985 --lat -3.9962 --type KAM1 --accuracy 100",
    "explain": "./siaga explain 122.49985 -3.9962 --type KAM1",
    "nearest": "./siaga nearest 122.5885 -3.9795 --service fire --limit 5",
    "matrix": "./siaga matrix --origins calls.csv --destinations stations.csv --profile ambulance --out times.csv",
    "match": "./siaga match calls.csv --service police --out matched.csv",
    "test": "./siaga test tests/zones -k border",
    "bench": "./siaga bench intake live --json figures.json",
    "import admin-areas": "./siaga import admin-areas kelurahan.geojson --level kelurahan --dry-run",
    "import boundaries": "./siaga import boundaries polsek.gpkg --agency POL --service police --code-field kode",
    "import stations": "./siaga import stations stations.csv --report findings.json",
    "city check": "./siaga city check data/cities/kendari",
    "city init": "./siaga city init data/cities/kendari --state /var/lib/siaga",
    "user add": "./siaga user add desk-pol --role agency --agency POL",
    "user list": "./siaga user list --json",
    "user disable": "./siaga user disable desk-pol",
    "token add": "./siaga token add cc112 --role intake --channel 112",
    "token list": "./siaga token list --json",
    "token revoke": "./siaga token revoke cc112",
    "webhook add": "./siaga webhook add POL https://polres.example/siaga",
    "webhook list": "./siaga webhook list --json",
    "webhook remove": "./siaga webhook remove POL",
    "calibrate": "./siaga calibrate runs.csv --profile fire_engine --dry-run",
    "import": "./siaga import stations stations.csv --dry-run",
    "city": "./siaga city check data/cities/kendari",
    "user": "./siaga user list",
    "token": "./siaga token list",
    "webhook": "./siaga webhook list",
    "import roads": "./siaga import roads city.osm.pbf --dry-run",
}


def add_examples(parser: argparse.ArgumentParser, words: str = "") -> None:
    """Give every command and action below `parser` its one-line description and its example."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            described = {choice.dest: choice.help for choice in action._choices_actions}
            for name, child in action.choices.items():
                command = f"{words} {name}".strip()
                help_text = described.get(name) or ""
                child.description = child.description or help_text[:1].upper() + help_text[1:] + "."
                if command in EXAMPLES:
                    child.epilog = f"Example: {EXAMPLES[command]}"
                add_examples(child, command)
