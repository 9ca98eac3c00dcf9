"""Writes model cards. A model card is the README.md of a run folder and describes the training, validation, limits and use of a model.

The text is generated from dictionaries. Lines for missing values are omitted. The module does not import Keras.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import Any

from dreamkeras.confidence.model_card import confidence_note, interval_note
from dreamkeras.data.splits.record import HoldOut
from dreamkeras.export.training_summary import OPTIONS
from dreamkeras.files.inputs import listed_files
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.sequence.task_scale import TaskScale
from dreamkeras.statistics.bootstrap import QUANTITY
from dreamkeras.statistics.task_kinds import KIND_FIGURES
from dreamkeras.training.baseline import ADVICE, LONGEST
from dreamkeras.training.epochs.duration import describe_duration
from dreamkeras.training.learning_curve import describe_curve
from dreamkeras.training.run_folder.seeds_table import seeds_table

__all__ = ["model_card"]

Fields = Mapping[str, Any]

REFERENCES = """\
- Rafi, A. M., Nogina, D., Penzar, D. et al. A community effort to optimize sequence-based deep learning models of gene regulation.
  Nature Biotechnology (2024). https://doi.org/10.1038/s41587-024-02414-w
- Penzar, D., Nogina, D., Noskova, E. et al. LegNet: a best-in-class deep learning model for short DNA regulatory regions.
  Bioinformatics 39, btad457 (2023). https://doi.org/10.1093/bioinformatics/btad457"""
"""References for the Prix Fixe framework with the DREAM models, and for the network and strategy of team autosome."""

CEILING = (
    "The noise ceiling is the r between error-free predictions and the means of k replicates. If the mean correlation between replicates "
    "is rho, the ceiling is the square root of k rho / (1 + (k - 1) rho) (Spearman 1904, 1910; Brown 1910). The formula assumes "
    "independent noise of equal size in all replicates."
)

NETWORK = {"model": "Network: `{}`"}

PROFILE = "- Output `profile`: for each of the {:,} central positions, the share of the window's reads that begin at the position"

FIGURES = {
    "r": ("Pearson r", ".3f"),
    "rho": ("Spearman rho", ".3f"),
    "mse": ("mean squared error", QUANTITY),
    "n": ("sequences", ",.0f"),
}
"""Title and format of each metric in the tables of a card."""

KINDS = {name: (title, ".3f") for name, title in KIND_FIGURES.items()}

CEILINGS = {"replicate_r": ("r between replicates", ".3f"), "ceiling_r": ("noise ceiling of r", ".3f")}
BASELINE = (
    "The baseline is a ridge regression on the counts of 1- to {longest}-mers ({features} k-mers{pooled}), without their positions. It was "
    "trained on {rows:,} of the training sequences, with a penalty from generalised cross-validation."
)

BEHIND = (
    "The network counts as behind the baseline if the 95 % interval of the difference in r, from resamples of the validation sequences, "
    "is above 0."
)

UNDEFINED = "undefined"
"""Text that replaces the value of an undefined metric."""

DISTANCE = (
    "The profile distance is the Jensen-Shannon distance between the measured and the predicted shares of reads in a window, from 0 to "
    "0.833. With few reads, sampling noise keeps the distance above 0 even for a perfect model. The table also contains the distances for "
    "two baselines: the measured reads at shuffled positions, and the average profile."
)


def model_card(description: ModelDescription, metrics: Fields, history: Sequence[Fields], config: Fields) -> str:
    """Returns a model card in Markdown.

    Args:
        description: Description of the exported model.
        metrics: Validation metrics of the saved model: any of `r`, `rho`, `mse`, `n`, `best_epoch`, `epoch`, the epoch of
            the model, `kept`, the reason for its choice, `seconds`, the duration of training, and the record `holdout`.
        history: Rows of the history, one per epoch.
        config: Configuration of the run, as in its `config.json`. `data` is None for a simulated library, and `valid` is None if part of
            the data was held out.

    Returns:
        The text of the card, which ends with a line break. Empty sections and lines without a value are omitted.
    """
    sections = {
        "Model": _model(description, config),
        "Training": _training(metrics, history, config),
        "Validation": _validation(description, metrics, history, config),
        "Test": _test(metrics, config),
        "Seeds": seeds_table(metrics),
        "Limits": _limits(description, config),
        "Use": _use(description.construct),
        "ONNX file": _parity(description.parity),
        "Versions": [f"- {package}: {version}" for package, version in description.versions.items()],
        "Citation": [REFERENCES],
    }
    text = "\n\n".join(f"## {title}\n\n" + "\n".join(lines) for title, lines in sections.items() if lines)
    return f"# {description.name}\n\n{_summary(description, metrics, config)}\n\n{text}\n"


def _summary(description: ModelDescription, metrics: Fields, config: Fields) -> str:
    assay = f" in the {config['assay']} assay" if "assay" in config else ""
    text = f"Predicts {' and '.join(description.tasks)}{assay} from DNA sequence."
    if "r" in metrics:
        text += f" Validation r: {_figure(metrics['r'], '.3f')}."
    if (metrics.get("baseline") or {}).get("behind"):
        text += " **The network is behind its baseline, see Validation.**"
    if _is_simulated(config):
        text += " **Trained on simulated measurements: a demonstration only, not a model of real cells.**"
    return text


def _model(description: ModelDescription, config: Fields) -> list[str]:
    construct = description.construct
    inserts = f"{construct.shortest}" if construct.shortest == construct.longest else f"{construct.shortest} to {construct.longest}"
    adapters = f", between the adapters `{construct.left_adapter}` and `{construct.right_adapter}`" if _has_adapters(construct) else ""
    networks = [config.get("model"), *config.get("alternates", ())]
    return [
        *([f"- Networks: {', '.join(f'`{name}`' for name in networks)}"] if config.get("alternates") else _lines(config, NETWORK)),
        *(f"- Output `{task}`: {unit}{_scale(scale)}" for task, unit, scale in _outputs(description)),
        *([PROFILE.format(description.profile)] if description.profile else []),
        f"- Construct `{construct.name}`: inserts of {inserts} bases{adapters}, {_window(construct)}",
        f"- Strands: {_strand_rule(construct)}",
    ]


def _outputs(description: ModelDescription) -> Iterator[tuple[str, str, TaskScale]]:
    """Returns the name, the unit and the scale of each task."""
    return zip(description.tasks, description.units, description.scales or [TaskScale()] * len(description.tasks), strict=True)


def _scale(scale: TaskScale) -> str:
    """Describes the kind and the transformation of a task. The text is empty for plain values."""
    kinds = {"binary": "; the prediction is a probability", "counts": "; the prediction is an expected count"}
    return kinds.get(scale.kind, f"; trained on {scale.label}" if scale.label else "")


def _training(metrics: Fields, history: Sequence[Fields], config: Fields) -> list[str]:
    data = ["- Data: promoter library simulated by dreamkeras"] if _is_simulated(config) else _data(config)
    seconds = metrics.get("seconds")
    return [
        *data,
        *([f"- Sequence weights: {config['weights']}"] if config.get("weights") else []),
        *_lines(config.get("atac") or {}, {"genome": "Genome: `{}`", "signal": "Reads: `{}`", "nonpeaks": "Non-peaks: `{}`"}),
        *_lines(config.get("atac") or {}, {"nonpeak_ratio": "Non-peaks per peak in an epoch: {:g}"}),
        *_lines(config, {"bias": "Bias model of the enzyme: `{}`, with fixed weights"}),
        *_lines(config, {"source": "Weights: published, from the file `{}`", "sha256": "SHA-256 of that file: `{}`"}),
        *_lines(config, {"examples": "Training sequences: {:,}", "validation_examples": "Validation sequences: {:,}"}),
        *_lines(config, {"strategy": "Strategy: {}"}),
        *_options(config),
        *_epochs(history, config),
        *_lines(config, {"fitted_steps": "Schedule: shortened to {:,} steps for the time limit", "minutes": "Time limit: {:g} minutes"}),
        *_lines(config, {"batch_size": "Batch size: {:,}", "learning_rate": "Peak learning rate: {:g}", "seed": "Random seed: {}"}),
        *_lines(config, {"backend": "Backend: {}", "precision": "Precision: {}"}),
        *([f"- Duration: {describe_duration(seconds)}"] if seconds else []),
    ]


def _data(config: Fields) -> list[str]:
    """Returns a list with one line on the names of the data files. The list is empty if they are unknown."""
    files = listed_files(config.get("data"))
    return [f"- Data: {', '.join(f'`{file}`' for file in files)}"] if files else []


def _options(config: Fields) -> list[str]:
    """Returns a list with one line on the options of the run. The list is empty if no option is set."""
    chosen = []
    for name in OPTIONS:
        if value := config.get(name):
            text = " and ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is True else str(value)
            chosen.append(f"{name.replace('_', ' ')} {text}".rstrip())
    return [f"- Options: {', '.join(chosen)}"] if chosen else []


def _epochs(history: Sequence[Fields], config: Fields) -> list[str]:
    planned = None if config.get("fitted_steps") else config.get("epochs")
    if history and planned and len(history) < planned:
        return [f"- Epochs: {len(history)} of {planned} planned"]
    return [f"- Epochs: {len(history) or planned}"] if history or planned else []


def _validation(description: ModelDescription, metrics: Fields, history: Sequence[Fields], config: Fields) -> list[str]:
    columns = FIGURES | KINDS
    columns |= {"peaks_r": ("r in peaks", ".3f"), "profile_jsd": ("median profile distance", ".3f")}
    columns |= {
        "profile_jsd_shuffled": ("profile distance of a baseline that shuffles the measured reads", ".3f"),
        "profile_jsd_average": ("profile distance of a baseline that predicts the average profile", ".3f"),
    }
    columns |= CEILINGS
    if not any(key in metrics for key in columns):
        return []
    tasks = metrics.get("tasks", {})
    table = _metrics_table(metrics, columns)
    undefined = any(UNDEFINED in line for line in table[2:])
    notes = [
        "The row `all tasks` contains means over the tasks for which a metric is defined. "
        "The metrics of a task are computed from the sequences with a value for the task."
        if tasks
        else "",
        *_baseline(metrics, description),
        describe_curve(metrics),
        f"Strands: {_strand_rule(description.construct)}.",
        interval_note(description),
        _held_out(metrics, config),
        _chosen_epoch(metrics, history),
        *_scale_notes(description),
        CEILING if "ceiling_r" in metrics else "",
        DISTANCE if "profile_jsd" in metrics else "",
        "A correlation is undefined if all predictions or all measurements are equal, or if there are fewer than two measurements. "
        "An error is undefined if there are no measurements."
        if undefined
        else "",
        "Measurement noise limits all metrics. The metrics differ between random seeds and between validation sets.",
    ]
    return [*table, "", *(f"- {note}" for note in notes if note)]


def _metrics_table(metrics: Fields, columns: Mapping[str, tuple[str, str]]) -> list[str]:
    """Returns the lines of a table of metrics. `columns` gives the title and format of each metric. Each of several tasks has a row."""
    known = [key for key in columns if key in metrics]
    shown = ["tasks" in metrics, bool(metrics.get("baseline"))]
    titles = [*compress(("task", "model"), shown), *(columns[key][0] for key in known)]
    cells = [[*compress(labels, shown), *(_figure(row.get(key), columns[key][1]) for key in known)] for labels, row in _rows(metrics)]
    head, *lines = (f"| {' | '.join(row)} |" for row in (titles, *cells))
    return [head, f"|{'---|' * len(titles)}", *lines]


def _rows(metrics: Fields) -> list[tuple[tuple[str, str], Fields]]:
    """Returns the rows of the table of metrics: task, model and metrics. The row of the baseline is below that of the network."""
    rows = [(("all tasks", "network"), metrics)]
    baseline = metrics.get("baseline")
    if baseline:
        rows.append((("all tasks", "baseline"), baseline))
    for task, fields in metrics.get("tasks", {}).items():
        rows.append(((task, "network"), fields))
        if baseline:
            rows.append(((task, "baseline"), baseline["tasks"][task]))
    return rows


def _baseline(metrics: Fields, description: ModelDescription) -> list[str]:
    """Describes the baseline, and its difference from the network for each task."""
    baseline = metrics.get("baseline")
    if not baseline:
        return []
    behind, several = baseline["behind"], len(baseline["tasks"]) > 1
    pooled = ", both strands pooled" if description.construct.strands == "both" else ""
    about = BASELINE.format(longest=LONGEST, features=baseline["features"], pooled=pooled, rows=baseline["rows"])
    differences = [
        f"{f'{task} ' if several else ''}{fields['difference']['value']:+.3f} "
        f"(95 % interval {fields['difference']['low']:+.3f} to {fields['difference']['high']:+.3f})"
        for task, fields in baseline["tasks"].items()
        if math.isfinite(fields["difference"]["value"])
    ]
    tasks = f" for {' and '.join(behind)}" if several else ""
    verdict = f"**The network is behind the baseline{tasks}.** {ADVICE}" if behind else ""
    compared = f"r of the baseline minus r of the network: {', '.join(differences)}. {BEHIND}" if differences else ""
    return [verdict, about, compared]


def _test(metrics: Fields, config: Fields) -> list[str]:
    """Returns the metrics on the test sequences. The list is empty if the run has no test set."""
    if "test" not in metrics:
        return []
    place = f"the file `{config['test']}`" if config.get("test") else _fold_place(config, config.get("test_fold"))
    notes = config.get("test_notes") or ("No test sequence is a duplicate or near-duplicate of a training or validation sequence.",)
    used = f"Test sequences: {place}. They were used neither for training nor for selecting the epoch."
    return [*_metrics_table(metrics["test"], FIGURES | KINDS | CEILINGS), "", *(f"- {note}" for note in (used, *notes))]


def _scale_notes(description: ModelDescription) -> list[str]:
    """Describes how the metrics of transformed, binary and count tasks are computed."""
    kinds = {scale.kind for scale in description.scales}
    labels = sorted({scale.label for scale in description.scales if scale.label})
    by_deviance = "The best epoch is selected by the explained deviance of binary tasks and counts, and by r of other tasks."
    return [
        *(
            f"The model was trained on {label}, and its predictions are transformed back to the unit of the table. Pearson r, Spearman rho "
            "and the mean squared error are in the unit of the table. The best epoch is selected by r of transformed values."
            for label in labels
        ),
        *(["For AUROC and AUPRC, measurements of at least 0.5 are positive."] if "binary" in kinds else []),
        *([by_deviance] if kinds & {"binary", "counts"} else []),
    ]


def _held_out(metrics: Fields, config: Fields) -> str:
    """Describes how the validation sequences were selected."""
    if "holdout" in metrics:
        fold = f"fold {config['valid_fold']} of {config['folds']} folds " if config.get("folds") else ""
        seed = f" with seed {config['split_seed']}" if "split_seed" in config else ""
        return f"Validation sequences: {fold}drawn from the data{seed}. {HoldOut.from_json(metrics['holdout']).describe()}"
    if "valid" not in config:
        return ""
    if config["valid"]:
        return f"Validation sequences: the file `{config['valid']}`.{_common(config)}"
    if config.get("valid_fold") is not None:
        drawn = f" of {config['folds']} folds drawn from" if config.get("folds") else " of"
        return f"Validation sequences: {_fold_place(config, config['valid_fold'], drawn)}.{_common(config)}"
    if "valid_fraction" not in config:
        return ""
    drawn = f" with seed {config['split_seed']}" if "split_seed" in config else ""
    share = f"{config['valid_fraction']:.0%} of the data, drawn at random{drawn}"
    kept = "All windows of a chromosome" if config.get("atac") else "Identical sequences and near-duplicates"
    return f"Validation sequences: {share}. {kept} are in the same set."


def _fold_place(config: Fields, fold: Any, drawn: str = " of") -> str:
    return f"chromosome {fold}" if config.get("atac") else f"fold {fold}{drawn} the data"


def _common(config: Fields) -> str:
    """Describes the sequences that are in both the validation set and the training set, if the two sets were compared."""
    if "common" not in config:
        return ""
    nothing = "No validation sequence is a duplicate or near-duplicate of a training sequence."
    return f" {config['common'] or nothing}"


def _chosen_epoch(metrics: Fields, history: Sequence[Fields]) -> str:
    if "best_epoch" not in metrics or len(history) < 2:
        return ""
    epoch = metrics.get("epoch", metrics["best_epoch"])
    kept = metrics.get("kept", f"The model is from epoch {epoch:.0f} of {len(history)}.")
    if "kept" in metrics and (epoch == len(history) or epoch != metrics["best_epoch"]):
        return kept
    return f"{kept} This epoch was selected by its metrics on the validation sequences. Expect slightly lower metrics on new sequences."


def _limits(description: ModelDescription, config: Fields) -> list[str]:
    return [
        *([f"- {config['advice']}"] if config.get("advice") else []),
        *(["- The training measurements were simulated. The predictions do not apply to real promoters."] if _is_simulated(config) else []),
        f"- The model was trained on one construct, `{description.construct.name}`, in the cells and conditions of its training data.",
        "- Predictions for other constructs, genomic contexts, cell types and organisms are extrapolations.",
        "- Predictions are in the units of the assay. Use the predictions to rank and compare sequences, not as amounts of RNA or protein.",
        f"- {confidence_note(description)}",
        "- Do not use the model for diagnosis, treatment or any decision about a person, or instead of a measurement.",
    ]


def _use(construct: Construct) -> list[str]:
    example = f"{construct.left_adapter}...{construct.right_adapter}" if _has_adapters(construct) else "ACGT..."
    return [
        "`RUN` is the path of this folder or of its `model.onnx`.",
        "",
        "```bash",
        "dreamkeras predict promoters.fa -m RUN",
        "dreamkeras predict promoters.tsv.gz -m RUN -o predictions.csv",
        "zcat promoters.fa.gz | dreamkeras predict - -m RUN --format jsonl",
        "```",
        "",
        "```python",
        "import dreamkeras",
        "",
        'model = dreamkeras.load("RUN")',
        f'model.predict(["{example}"])  # float32 (sequences, tasks)',
        "```",
    ]


def _parity(parity: Fields) -> list[str]:
    """Lists the metrics that compare the ONNX file with the Keras model. The metrics were computed by the export."""
    found = [(key, value) for key, value in parity.items() if isinstance(value, int | float | str)]
    lines = [f"- {key.replace('_', ' ')}: {value if isinstance(value, str) else f'{value:,.6g}'}" for key, value in found]
    other = "the models that it averages" if parity.get("keras_backend", "") is None else "the Keras model"
    return [f"Agreement between the ONNX file and {other}:", "", *lines] if lines else []


def _lines(fields: Fields, templates: Mapping[str, str]) -> list[str]:
    """Returns a line for each field that has a value."""
    return [f"- {template.format(fields[key])}" for key, template in templates.items() if fields.get(key) is not None]


def _is_simulated(config: Fields) -> bool:
    return "data" in config and config["data"] is None


def _has_adapters(construct: Construct) -> bool:
    return bool(construct.left_adapter and construct.right_adapter)


def _window(construct: Construct) -> str:
    """Describes the window, and where short inserts are in it, unless all inserts have the same length."""
    text = f"in a window of {construct.length} bases"
    if construct.shortest == construct.longest:
        return text
    side = {"left": "at the left end", "center": "in the middle"}.get(construct.alignment, "at the right end")
    return f"{text}. Short inserts are placed {side} of the window"


def _strand_rule(construct: Construct) -> str:
    return "each prediction is the mean over both strands" if construct.strands == "both" else "each prediction is for the given strand"


def _figure(value: float | None, form: str) -> str:
    """Formats a metric. The text is empty if the metric does not exist."""
    if value is None:
        return ""
    return UNDEFINED if isinstance(value, float) and math.isnan(value) else format(value, form)
