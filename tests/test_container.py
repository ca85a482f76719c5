"""The container file names what there is: nobody builds it here, so that what it leans on is looked up."""

import json
import re
from pathlib import Path

import click

from wsigen.cli.main import wsigen

ROOT = Path(__file__).parent.parent
RECIPE = (ROOT / "Dockerfile").read_text("utf-8")


def test_the_container_leans_on_targets_extras_and_a_python_that_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (targets,) = re.findall(r"RUN make (.+?) \\\n", RECIPE)
    for target in targets.split():
        assert re.search(rf"^{re.escape(target.replace('.venv', '$(VENV)'))}:", makefile, re.M)
    (extra,) = re.findall(r"-e '\.\[(\w+)\]'", RECIPE)
    assert f"\n{extra} = [" in project
    (python,) = re.findall(r"FROM python:([\d.]+)-slim", RECIPE)
    assert f'requires-python = ">={python}"' in project


def test_the_container_starts_a_command_that_its_port_is_for() -> None:
    (words,) = (json.loads(line) for line in re.findall(r"^CMD (.+)$", RECIPE, re.M))
    command = wsigen.get_command(click.Context(wsigen), words[0])
    assert command is not None
    given = command.make_context(words[0], words[1:]).params
    assert f"EXPOSE {given['port']}\n" in RECIPE
    assert given["host"] == "0.0.0.0"


def test_what_is_made_anew_in_the_container_does_not_go_into_it() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert {".venv", "node_modules", "wsigen/study/static/vendor"} <= set(ignored)
