"""Units for a server with systemd: one service under its own user, and a timer that checks the promises."""

from __future__ import annotations

import os
from pathlib import Path

from gis.settings import ROOT
from ops.state import State

USER = "siaga"


def units(state: State, *, pages_port: int, api_port: int) -> str:
    """Return the units as text, each under the comment that names its file.

    One service runs the same supervisor as `./siaga up`, so that restarts, their order and the private cluster behave
    as tried everywhere else; systemd restarts the supervisor itself and bounds what the whole may use.
    """
    launcher = ROOT / "siaga"
    folder = Path("/var/lib/siaga") if os.geteuid() != 0 and state.path.is_relative_to(Path.home()) else state.path
    return f"""\
# Once, as root:
#   useradd --system --home-dir {folder} --shell /usr/sbin/nologin {USER}
#   install -d -m 0700 -o {USER} -g {USER} {folder}
#   {launcher} status     (installs what is missing)
#   runuser -u {USER} -- {launcher} city init DIR --state {folder}
# then put the units in place, systemctl daemon-reload, systemctl enable --now siaga.service siaga-doctor.timer

# /etc/systemd/system/siaga.service
[Unit]
Description=Siaga, emergency incidents of a city
After=network.target local-fs.target
StartLimitIntervalSec=0

[Service]
Type=exec
User={USER}
Group={USER}
ExecStart={launcher} up --state {folder} --port {pages_port} --api-port {api_port}
ExecStop={launcher} down --state {folder}
Restart=always
RestartSec=1
KillMode=mixed
TimeoutStartSec=300
TimeoutStopSec=60
OOMPolicy=continue
LimitNOFILE=65536
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=true
ReadWritePaths={folder}
UMask=0077

[Install]
WantedBy=multi-user.target

# /etc/systemd/system/siaga-doctor.service
[Unit]
Description=Siaga, check of every promise that can be checked
After=siaga.service

[Service]
Type=oneshot
User={USER}
Group={USER}
ExecStart={launcher} doctor --state {folder}

# /etc/systemd/system/siaga-doctor.timer
[Unit]
Description=Siaga, check every five minutes

[Timer]
OnBootSec=3min
OnUnitActiveSec=5min

[Install]
WantedBy=timers.target
"""
