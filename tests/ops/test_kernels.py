"""Set-up compiles the kernels where none fit, in a process of its own, and says so."""

from __future__ import annotations

import subprocess
import sys

from gis import compiled
from gis.compiled import KernelPackage
from ops import preparation


def test_nothing_is_said_or_started_when_they_are_there(monkeypatch, tmp_path):
    monkeypatch.setattr(KernelPackage, "is_compiled", lambda self, state=None: True)
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: 1 / 0)
    said = []
    preparation.compile_kernels(tmp_path, said.append)
    assert said == []


def test_the_process_knows_the_state_folder_and_what_is_missing(monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(KernelPackage, "is_compiled", lambda self, state=None: self.name == "zones.kernels")
    monkeypatch.setattr(subprocess, "run", lambda command, **kwargs: started.append((command, kwargs["env"])))
    said = []
    preparation.compile_kernels(tmp_path, said.append)
    ((command, environment),) = started
    assert command == [sys.executable, "-m", "gis.compiled", "routing_engine.network.kernels"]
    assert environment["SIAGA_STATE"] == str(tmp_path)
    assert len(said) == 1


def test_the_state_folder_is_the_second_choice(tmp_path):
    first, second = compiled.folders(tmp_path)
    assert first.is_relative_to(sys.prefix)
    assert second == tmp_path / "kernels"
