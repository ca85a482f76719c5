import json
import subprocess
import sys
from pathlib import Path

from wsigen.provenance import run_info


def test_a_run_says_what_made_it_in_plain_json():
    info = json.loads(json.dumps(run_info("cpu", seed=3, cohort=Path("slides/cohort.csv"))))
    assert info["arguments"] == {"seed": 3, "cohort": "slides/cohort.csv"}
    assert info["device"] == "cpu"
    assert info["packages"]["numpy"]
    assert len(info["commit"] or "0" * 40) == 40


def test_no_folder_of_this_machine_is_written_down(tmp_path):
    script = "from wsigen.provenance import run_info; import sys; print(run_info(out=sys.argv[1]))"
    command = [sys.executable, "-c", script, str(tmp_path / "result.json"), "--seed", "1"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "result.json" in said
    assert "--seed" in said
    assert str(tmp_path) not in said
