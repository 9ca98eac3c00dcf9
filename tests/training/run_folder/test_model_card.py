"""Tests that the model card has a line for each known value and no line for missing values."""

import dataclasses
import re
import subprocess
import sys

import pytest

from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.training.baseline import ADVICE
from dreamkeras.training.run_folder.model_card import model_card

DESCRIPTION = ModelDescription(
    name="dream-cnn",
    construct=YEAST,
    tasks=("expression",),
    units=("expression bin",),
    versions={"dreamkeras": "0.1.0", "keras": "3.15.1"},
    parity={"largest_difference": 3.2e-6, "r": 1.0, "sequences": 1000},
)
METRICS = {"r": 0.61234, "rho": 0.6, "mse": 4.25, "n": 1637, "best_epoch": 7, "seconds": 615}
HISTORY = [{"epoch": epoch, "loss": 1.0, "val_r": 0.5} for epoch in range(1, 11)]
CONFIG = {
    "data": "train.tsv",
    "valid": None,
    "valid_fraction": 0.1,
    "assay": "yeast",
    "model": "dream-cnn",
    "strategy": "autosome",
    "backend": "jax",
    "epochs": 10,
    "batch_size": 1024,
    "learning_rate": 0.005,
    "precision": "float32",
    "seed": 3,
    "split_seed": 4,
    "examples": 14733,
    "validation_examples": 1637,
}


def card(description=DESCRIPTION, metrics=METRICS, history=HISTORY, config=CONFIG, **changes):
    return model_card(description, metrics, history, {**config, **changes})


def section(text, title):
    """Returns the lines of a section that are not empty. Empty if the section does not exist."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return [line for line in found[1].splitlines() if line] if found else []


def code(text, language):
    return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)[1].splitlines()


def without(fields, *keys):
    return {key: value for key, value in fields.items() if key not in keys}


def test_sections_are_in_order():
    titles = re.findall(r"^#+ (.*)$", card(), re.MULTILINE)
    assert titles == ["dream-cnn", "Model", "Training", "Validation", "Limits", "Use", "ONNX file", "Versions", "Citation"]


def test_the_text_ends_with_one_line_break():
    assert card().endswith("\n")
    assert not card().endswith("\n\n")
    assert "\n\n\n" not in card()


def test_the_summary_has_task_assay_and_validation_r():
    assert card().splitlines()[2] == "Predicts expression in the yeast assay from DNA sequence. Validation r: 0.612."


def test_the_model_section_has_construct_output_and_strands():
    lines = section(card(), "Model")
    assert "- Network: `dream-cnn`" in lines
    assert "- Output `expression`: expression bin" in lines
    assert "- Strands: each prediction is the mean over both strands" in lines
    (construct,) = [line for line in lines if line.startswith("- Construct")]
    for part in ("`yeast`", f"{YEAST.shortest} to {YEAST.longest} bases", YEAST.left_adapter, YEAST.right_adapter, "150 bases"):
        assert part in construct


def test_a_construct_without_adapters_has_no_adapter_text():
    plain = Construct(name="plain", length=20, shortest=20, strands="given", flags=())
    text = card(dataclasses.replace(DESCRIPTION, construct=plain))
    assert "- Construct `plain`: inserts of 20 bases, in a window of 20 bases" in section(text, "Model")
    assert "- Strands: each prediction is for the given strand" in section(text, "Model")
    assert code(text, "python")[-1].startswith('model.predict(["ACGT..."])')


def test_every_task_has_its_unit():
    text = card(dataclasses.replace(DESCRIPTION, tasks=("dev", "hk"), units=("log2 activity", "bins")))
    assert "Predicts dev and hk in" in text
    assert {"- Output `dev`: log2 activity", "- Output `hk`: bins"} <= set(section(text, "Model"))


def test_the_training_section_has_the_configuration():
    assert section(card(), "Training") == [
        "- Data: `train.tsv`",
        "- Training sequences: 14,733",
        "- Validation sequences: 1,637",
        "- Strategy: autosome",
        "- Epochs: 10",
        "- Batch size: 1,024",
        "- Peak learning rate: 0.005",
        "- Random seed: 3",
        "- Backend: jax",
        "- Precision: float32",
        "- Duration: 10 min 15 s",
    ]


def test_early_stopping_is_stated():
    assert "- Epochs: 10 of 80 planned" in section(card(epochs=80), "Training")


DURATIONS = [(0.6, "1 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3599.6, "1 h 0 min"), (7380, "2 h 3 min"), (90000, "25 h 0 min")]


@pytest.mark.parametrize(("seconds", "told"), DURATIONS)
def test_duration_has_at_most_two_units(seconds, told):
    assert f"- Duration: {told}" in section(card(metrics={**METRICS, "seconds": seconds}), "Training")


def test_validation_metrics_are_a_table():
    header, rule, row = section(card(), "Validation")[:3]
    assert header == "| Pearson r | Spearman rho | mean squared error | sequences |"
    assert row == "| 0.612 | 0.600 | 4.25 | 1,637 |"
    assert rule.count("|") == header.count("|")


def test_selection_of_the_epoch_is_stated():
    (note,) = [line for line in section(card(), "Validation") if "epoch" in line]
    assert "epoch 7 of 10. This epoch was selected by its metrics on the validation sequences" in note
    assert "slightly lower" in note


@pytest.mark.parametrize(("epoch", "selected"), [(10, False), (7, True)])
def test_the_kept_epoch_and_its_reason_are_stated(epoch, selected):
    lines = section(card(metrics={**METRICS, "epoch": epoch, "kept": "Kept epoch, for a reason."}), "Validation")
    (note,) = [line for line in lines if "epoch" in line]
    assert note.startswith("- Kept epoch, for a reason.")
    assert ("slightly lower" in note) is selected


def test_a_shortened_schedule_is_stated():
    lines = section(card(minutes=5.0, fitted_steps=1234, epochs=16), "Training")
    assert {"- Time limit: 5 minutes", "- Schedule: shortened to 1,234 steps for the time limit", "- Epochs: 10"} <= set(lines)


@pytest.mark.parametrize("changes", [{"metrics": without(METRICS, "best_epoch")}, {"history": HISTORY[:1]}])
def test_without_a_selection_no_epoch_is_mentioned(changes):
    assert not [line for line in section(card(**changes), "Validation") if "epoch" in line]


def test_the_selection_of_validation_sequences_is_stated():
    (note,) = [line for line in section(card(), "Validation") if line.startswith("- Validation sequences")]
    assert "10% of the data, drawn at random with seed 4" in note
    assert "Identical sequences and near-duplicates are in the same set." in note


RECORD = {
    "method": "random",
    "reason": "4 families of similar sequences hold 57 % of the sequences",
    "families": 8,
    "largest": 776,
    "requested": 0.1,
    "held_out": 545,
    "total": 5449,
    "share": 0.1,
    "near_duplicates": 545,
    "validation": {"expression": {"n": 545, "mean": -0.4, "sd": None}},
    "training": {"expression": {"n": 4904, "mean": -0.5, "sd": 0.6}},
}


@pytest.mark.parametrize(("changes", "place"), [({}, ""), ({"valid_fraction": None, "folds": 5, "valid_fold": 2}, "fold 2 of 5 folds ")])
def test_the_record_of_the_hold_out_is_stated(changes, place):
    text = card(metrics={**METRICS, "holdout": RECORD}, **changes)
    (note,) = [line for line in section(text, "Validation") if line.startswith("- Validation sequences")]
    assert note == (
        f"- Validation sequences: {place}drawn from the data with seed 4. Held out 545 of 5,449 sequences (10.0 %) at random, because 4 "
        "families of similar sequences hold 57 % of the sequences. Only copies are kept together, not families of similar sequences "
        "(8 families, largest 776). 545 held-out sequences are similar to training sequences. Held-out and training values: "
        "expression: mean -0.4 and -0.5, sd nan and 0.6."
    )


@pytest.mark.parametrize(
    ("looked", "told"),
    [
        ({}, ""),
        ({"common": ""}, " No validation sequence is a duplicate or near-duplicate of a training sequence."),
        ({"common": "12 are."}, " 12 are."),
    ],
)
def test_a_validation_file_is_named_with_its_overlap(looked, told):
    (note,) = [line for line in section(card(valid="val.tsv", **looked), "Validation") if line.startswith("- Validation sequences")]
    assert note == f"- Validation sequences: the file `val.tsv`.{told}"


def test_an_unknown_selection_of_validation_sequences_has_no_line():
    lines = section(card(config=without(CONFIG, "valid")), "Validation")
    assert not [line for line in lines if line.startswith("- Validation sequences")]


def test_an_undefined_correlation_is_explained():
    text = card(metrics={**METRICS, "r": float("nan"), "rho": float("nan")})
    assert "Validation r: undefined." in text
    assert "| undefined | undefined | 4.25 | 1,637 |" in text
    assert "A correlation is undefined if" in text
    assert "nan" not in text
    assert "undefined" not in card()


def test_limits_name_the_construct_and_forbid_medicine():
    limits = "\n".join(section(card(), "Limits"))
    assert "`yeast`" in limits
    assert "Do not use the model for diagnosis" in limits
    assert "simulated" not in limits


def test_a_simulated_library_is_stated_in_three_places():
    text = card(data=None)
    assert "**Trained on simulated measurements" in text.splitlines()[2]
    assert section(text, "Training")[0] == "- Data: promoter library simulated by dreamkeras"
    assert "do not apply to real promoters" in section(text, "Limits")[0]
    assert "simulated" not in card()


def test_use_has_three_commands_and_three_lines_of_python():
    commands, python = code(card(), "bash"), code(card(), "python")
    assert (len(commands), len(list(filter(None, python)))) == (3, 3)
    assert all("dreamkeras predict " in line and "-m RUN" in line for line in commands)
    compile("\n".join(python), "card", "exec")


def test_commands_are_valid():
    from click import Context

    from dreamkeras.cli.commands.predict import command

    for line in code(card(), "bash"):
        arguments = line.partition("dreamkeras predict ")[2].split()
        assert command.parse_args(Context(command), arguments) == []


def test_all_values_of_the_parity_are_listed():
    assert section(card(), "ONNX file")[1:] == ["- largest difference: 3.2e-06", "- r: 1", "- sequences: 1,000"]
    mixed = dataclasses.replace(DESCRIPTION, parity={"r": 0.5, "detail": {"a": 1}, "skipped": None, "precision": "fp16"})
    assert section(card(mixed), "ONNX file")[1:] == ["- r: 0.5", "- precision: fp16"]


def test_no_parity_no_section():
    assert not section(card(dataclasses.replace(DESCRIPTION, parity={})), "ONNX file")


def test_versions_are_listed():
    assert section(card(), "Versions") == ["- dreamkeras: 0.1.0", "- keras: 3.15.1"]
    assert not section(card(dataclasses.replace(DESCRIPTION, versions={})), "Versions")


def test_citations_carry_their_doi():
    citation = "\n".join(section(card(), "Citation"))
    assert citation.count("https://doi.org/10.") == 2
    assert "10.1038/s41587-024-02414-w" in citation
    assert "10.1093/bioinformatics/btad457" in citation


def test_missing_values_have_no_numbers():
    bare = dataclasses.replace(DESCRIPTION, versions={}, parity={})
    text = model_card(bare, {}, [], {})
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Model", "Limits", "Use", "Citation"]
    assert text.splitlines()[2] == "Predicts expression from DNA sequence."
    assert "None" not in text
    assert not re.search(r"\d\.\d{3}|\bepoch", text.partition("## Citation")[0])


@pytest.mark.parametrize("key", sorted(CONFIG))
def test_a_missing_option_has_no_line(key):
    text = card(config=without(CONFIG, key))
    assert "None" not in text
    assert len(text.splitlines()) <= len(card().splitlines())


@pytest.mark.parametrize("key", sorted(METRICS))
def test_a_missing_metric_has_no_column(key):
    text = card(metrics=without(METRICS, key))
    widths = {line.count("|") for line in section(text, "Validation") if line.startswith("|")}
    assert len(widths) == 1
    assert "nan" not in text


def test_neither_keras_nor_a_backend_is_imported():
    module = "dreamkeras.training.run_folder.model_card"
    program = f"import sys, {module}; print(sorted({{'keras', 'tensorflow', 'jax', 'torch', 'pandas'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_several_tasks_have_a_row_each():
    tasks = {"Dev": {"r": 0.7, "rho": 0.6, "mse": 1.5, "n": 40}, "Hk": {"r": float("nan"), "rho": 0.8, "mse": 0.5, "n": 1}}
    lines = section(card(metrics={**METRICS, "tasks": tasks}), "Validation")
    assert lines[:5] == [
        "| task | Pearson r | Spearman rho | mean squared error | sequences |",
        "|---|---|---|---|---|",
        "| all tasks | 0.612 | 0.600 | 4.25 | 1,637 |",
        "| Dev | 0.700 | 0.600 | 1.5 | 40 |",
        "| Hk | undefined | 0.800 | 0.5 | 1 |",
    ]
    assert any("A correlation is undefined" in line for line in lines)


def test_errors_have_significant_digits_in_every_unit():
    assert "| 0.612 | 0.600 | 2.346e-20 | 1,637 |" in section(card(metrics={**METRICS, "mse": 2.3456e-20}), "Validation")


def test_options_have_one_line():
    assert not [line for line in section(card(), "Training") if "Options" in line]
    lines = section(card(loss="huber", ema=0.99, balance=True, slide=0, mask=None, detect_mutations=0.05), "Training")
    assert "- Options: loss huber, ema 0.99, detect mutations 0.05, balance" in lines


@pytest.mark.parametrize(("slots", "told"), [(("first",), "first"), (["first", "core"], "first and core")])
def test_frozen_blocks_are_stated_with_the_source_of_their_weights(slots, told):
    lines = section(card(init_from="human", freeze=slots, body_rate=0.1), "Training")
    assert f"- Options: init from human, freeze {told}, body rate 0.1" in lines


GENOME = {"genome": "hg38.fa", "signal": "reads.bw", "nonpeaks": None, "nonpeak_ratio": 0.1}
PROFILE = {"peaks_r": 0.712, "profile_jsd": 0.41, "profile_jsd_shuffled": 0.55, "profile_jsd_average": 0.5}


def test_a_profile_has_its_distance_and_baselines():
    text = card(dataclasses.replace(DESCRIPTION, profile=1000), METRICS | PROFILE, atac=GENOME, bias="bias", assay="atac")
    assert "- Output `profile`: for each of the 1,000 central positions, the share of the window's reads that begin at the position" in text
    for line in ("- Genome: `hg38.fa`", "- Reads: `reads.bw`", "- Bias model of the enzyme: `bias`, with fixed weights"):
        assert line in section(text, "Training")
    validation = "\n".join(section(text, "Validation"))
    assert (
        "| r in peaks | median profile distance | profile distance of a baseline that shuffles the measured reads "
        "| profile distance of a baseline that predicts the average profile |" in validation
    )
    assert "| 0.712 | 0.410 | 0.550 | 0.500 |" in validation
    assert "from 0 to 0.833" in validation
    assert "All windows of a chromosome are in the same set" in validation
    assert "Non-peaks:" not in text


def test_a_held_out_chromosome_is_named():
    text = card(atac=GENOME, valid_fraction=None, valid_fold="chr8", common="")
    assert any(
        line.startswith("- Validation sequences: chromosome chr8. No validation sequence is") for line in section(text, "Validation")
    )


def baseline(behind=(), tasks=("expression",), low=-0.2):
    """Metrics of a baseline as in `metrics.json`."""
    fields = {"r": 0.512, "rho": 0.5, "mse": 5.5, "r_squared": 0.262, "n": 1637}
    difference = {"value": low + 0.05, "low": low, "high": low + 0.1}
    of_task = {task: {**fields, "penalty": 10.0, "difference": difference} for task in tasks}
    return {"baseline": {**fields, "features": 180, "rows": 14733, "behind": list(behind), "tasks": of_task}}


def test_the_baseline_has_a_row_below_the_network():
    lines = section(card(metrics=METRICS | baseline()), "Validation")
    assert lines[:4] == [
        "| model | Pearson r | Spearman rho | mean squared error | sequences |",
        "|---|---|---|---|---|",
        "| network | 0.612 | 0.600 | 4.25 | 1,637 |",
        "| baseline | 0.512 | 0.500 | 5.5 | 1,637 |",
    ]
    text = "\n".join(lines)
    assert "the counts of 1- to 4-mers (180 k-mers, both strands pooled)" in text
    assert "trained on 14,733 of" in text
    assert "- r of the baseline minus r of the network: -0.150 (95 % interval -0.200 to -0.100)." in text
    assert "is behind" not in text


def test_a_network_behind_its_baseline_is_stated_with_advice():
    text = card(metrics=METRICS | baseline(["expression"], low=0.01))
    assert f"- **The network is behind the baseline.** {ADVICE}\n" in text
    assert text.splitlines()[2].endswith("Validation r: 0.612. **The network is behind its baseline, see Validation.**")
    assert "+0.060 (95 % interval +0.010 to +0.110)" in text


def test_the_baseline_has_a_row_for_each_task():
    tasks = {"leaf": METRICS | {"r": 0.7, "ceiling_r": 0.9}, "proto": METRICS | {"r": 0.5, "ceiling_r": 0.8}}
    metrics = METRICS | {"tasks": tasks, "ceiling_r": 0.85} | baseline(["proto"], ("leaf", "proto"), low=0.01)
    lines = section(card(metrics=metrics), "Validation")
    assert [line.split(" | ")[:3] + line.split(" | ")[-1:] for line in lines[2:8]] == [
        ["| all tasks", "network", "0.612", "0.850 |"],
        ["| all tasks", "baseline", "0.512", " |"],
        ["| leaf", "network", "0.700", "0.900 |"],
        ["| leaf", "baseline", "0.512", " |"],
        ["| proto", "network", "0.500", "0.800 |"],
        ["| proto", "baseline", "0.512", " |"],
    ]
    assert "**The network is behind the baseline for proto.**" in "\n".join(lines)
    assert "leaf +0.060" in "\n".join(lines)
