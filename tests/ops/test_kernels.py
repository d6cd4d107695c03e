"""Set-up compiles the routing kernels where none fit, in a process of its own, and says so."""

from __future__ import annotations

import subprocess
import sys

from ops import preparation
from routing_engine.network import compiled


def test_nothing_is_said_or_started_when_they_are_there(monkeypatch, tmp_path):
    monkeypatch.setattr(compiled, "are_compiled", lambda state=None: True)
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: 1 / 0)
    said = []
    preparation.compile_kernels(tmp_path, said.append)
    assert said == []


def test_the_process_knows_the_state_folder(monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(compiled, "are_compiled", lambda state=None: False)
    monkeypatch.setattr(subprocess, "run", lambda command, **kwargs: started.append((command, kwargs["env"])))
    said = []
    preparation.compile_kernels(tmp_path, said.append)
    ((command, environment),) = started
    assert command == [sys.executable, "-m", "routing_engine.network.compiled"]
    assert environment["SIAGA_STATE"] == str(tmp_path)
    assert len(said) == 1


def test_the_state_folder_is_the_second_choice(tmp_path):
    first, second = compiled.folders(tmp_path)
    assert first.is_relative_to(sys.prefix)
    assert second == tmp_path / "kernels"
