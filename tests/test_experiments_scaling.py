"""The experiment on what slides cost by their size, in seconds, with a model nobody trained."""

from dataclasses import replace

from wsigen.coarse_to_fine import drain
from wsigen.experiments.run import run
from wsigen.experiments.scaling import PROFILES
from wsigen.plan import StagePlan
from wsigen.plots.scaling import cost_by_size, patches_per_stage


def test_slides_are_counted_as_they_are_made_and_the_papers_ledger_comes_out(lab, tmp_path):
    heun = StagePlan(3, 1, "heun", 3.0, 0.02, overview_steps=3)
    config = replace(PROFILES["smoke"], made=(72,), counted=(1024, 2048), plan=heun)
    result = drain(run("scaling", "smoke", lab, config=config, out=tmp_path))
    paper, one, two, made = result.rows
    assert paper["patches_per_stage"] == [4, 16, 64, 256, 1024, 4096, 16_384]
    assert (paper["patches"], paper["patches_padded"]) == (21_844, 22_359)
    assert paper["evaluations"] == 1_725_676
    assert round(paper["evaluations_per_second"]) == 719
    assert 3.5 < two["evaluations"] / one["evaluations"] < 4
    assert made["evaluations_spent"] == made["evaluations"]
    assert made["flops"] == made["evaluations"] * made["flops_per_patch"]
    assert made["cpu_seconds"] > made["cpu_seconds_of_network"] > 0
    assert len(patches_per_stage(paper).axes[0].patches) == 7


def test_cost_by_size_has_a_line_per_denoiser():
    rows = [
        {"denoiser": name, "size": size, "cpu_seconds": size / 1e3, "peak_mib": 300}
        for name in ("exact", "tiny")
        for size in (2048, 4096)
    ]
    seconds, memory = cost_by_size(rows).axes
    assert len(seconds.lines) == 2
    assert len(memory.lines) == 3
