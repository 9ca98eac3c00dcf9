"""Writes model cards. A model card is the README.md of a run folder and describes the training, validation, limits and use of a model.

The text is generated from dictionaries. Lines for missing values are omitted. The module does not import Keras.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dreamkeras.confidence.model_card import confidence_note, interval_note
from dreamkeras.export.training_summary import OPTIONS
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.statistics.bootstrap import QUANTITY
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

PROFILE = "- Output `profile`: for each of the {:,} central positions, the share of the window's reads that begin at the position"

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
        metrics: Validation metrics of the saved model: any of `r`, `rho`, `mse`, `n`, `best_epoch` and `seconds`, the duration of training.
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
    if _is_simulated(config):
        text += " **Trained on simulated measurements: a demonstration only, not a model of real cells.**"
    return text


def _model(description: ModelDescription, config: Fields) -> list[str]:
    construct = description.construct
    inserts = f"{construct.shortest}" if construct.shortest == construct.longest else f"{construct.shortest} to {construct.longest}"
    adapters = f", between the adapters `{construct.left_adapter}` and `{construct.right_adapter}`" if _has_adapters(construct) else ""
    return [
        *_lines(config, {"model": "Network: `{}`"}),
        *(f"- Output `{task}`: {unit}" for task, unit in zip(description.tasks, description.units, strict=True)),
        *([PROFILE.format(description.profile)] if description.profile else []),
        f"- Construct `{construct.name}`: inserts of {inserts} bases{adapters}, in a window of {construct.length} bases",
        f"- Strands: {_strand_rule(construct)}",
    ]


def _training(metrics: Fields, history: Sequence[Fields], config: Fields) -> list[str]:
    data = ["- Data: promoter library simulated by dreamkeras"] if _is_simulated(config) else _lines(config, {"data": "Data: `{}`"})
    seconds = metrics.get("seconds")
    return [
        *data,
        *_lines(config.get("table") or {}, {"weight_column": "Sequence weights: column `{}`"}),
        *_lines(config.get("table") or {}, {"variance_column": "Sequence weights: inverse of column `{}`"}),
        *_lines(config.get("atac") or {}, {"genome": "Genome: `{}`", "signal": "Reads: `{}`", "nonpeaks": "Non-peaks: `{}`"}),
        *_lines(config.get("atac") or {}, {"nonpeak_ratio": "Non-peaks per peak in an epoch: {:g}"}),
        *_lines(config, {"bias": "Bias model of the enzyme: `{}`, with fixed weights"}),
        *_lines(config, {"source": "Weights: published, from the file `{}`", "sha256": "SHA-256 of that file: `{}`"}),
        *_lines(config, {"examples": "Training sequences: {:,}", "validation_examples": "Validation sequences: {:,}"}),
        *_lines(config, {"strategy": "Strategy: {}"}),
        *_options(config),
        *_epochs(history, config),
        *_lines(config, {"batch_size": "Batch size: {:,}", "learning_rate": "Peak learning rate: {:g}", "seed": "Random seed: {}"}),
        *_lines(config, {"backend": "Backend: {}", "precision": "Precision: {}"}),
        *([f"- Duration: {_duration(seconds)}"] if seconds else []),
    ]


def _options(config: Fields) -> list[str]:
    """Returns a list with one line on the options of the run. The list is empty if no option is set."""
    chosen = []
    for name in OPTIONS:
        if value := config.get(name):
            text = " and ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is True else str(value)
            chosen.append(f"{name.replace('_', ' ')} {text}".rstrip())
    return [f"- Options: {', '.join(chosen)}"] if chosen else []


def _epochs(history: Sequence[Fields], config: Fields) -> list[str]:
    planned = config.get("epochs")
    if history and planned and len(history) < planned:
        return [f"- Epochs: {len(history)} of {planned} planned"]
    return [f"- Epochs: {len(history) or planned}"] if history or planned else []


def _validation(description: ModelDescription, metrics: Fields, history: Sequence[Fields], config: Fields) -> list[str]:
    columns = {
        "r": ("Pearson r", ".3f"),
        "rho": ("Spearman rho", ".3f"),
        "mse": ("mean squared error", QUANTITY),
        "n": ("sequences", ",.0f"),
    }
    columns |= {"peaks_r": ("r in peaks", ".3f"), "profile_jsd": ("median profile distance", ".3f")}
    columns |= {
        "profile_jsd_shuffled": ("profile distance of a baseline that shuffles the measured reads", ".3f"),
        "profile_jsd_average": ("profile distance of a baseline that predicts the average profile", ".3f"),
    }
    columns |= {"replicate_r": ("r between replicates", ".3f"), "ceiling_r": ("noise ceiling of r", ".3f")}
    known = [key for key in columns if key in metrics]
    if not known:
        return []
    tasks = metrics.get("tasks", {})
    rows = {"all tasks": metrics, **tasks} if tasks else {"": metrics}
    titles = [*(["task"] if tasks else []), *(columns[key][0] for key in known)]
    cells = [[*([name] if tasks else []), *(_figure(row[key], columns[key][1]) for key in known)] for name, row in rows.items()]
    undefined = any(_figure(row[key], columns[key][1]) == UNDEFINED for row in rows.values() for key in known)
    notes = [
        "The row `all tasks` contains means over the tasks for which a metric is defined. "
        "The metrics of a task are computed from the sequences with a value for the task."
        if tasks
        else "",
        f"Strands: {_strand_rule(description.construct)}.",
        interval_note(description),
        _held_out(config),
        _chosen_epoch(metrics, history),
        CEILING if "ceiling_r" in metrics else "",
        DISTANCE if "profile_jsd" in metrics else "",
        "A correlation is undefined if all predictions or all measurements are equal, or if there are fewer than two measurements. "
        "An error is undefined if there are no measurements."
        if undefined
        else "",
        "Measurement noise limits all metrics. The metrics differ between random seeds and between validation sets.",
    ]
    table = [f"| {' | '.join(row)} |" for row in (titles, *cells)]
    return [table[0], f"|{'---|' * len(titles)}", *table[1:], "", *(f"- {note}" for note in notes if note)]


def _held_out(config: Fields) -> str:
    """Describes how the validation sequences were selected."""
    if "valid" not in config:
        return ""
    if config["valid"]:
        return f"Validation sequences: the file `{config['valid']}`.{_common(config)}"
    if config.get("valid_fold") is not None:
        drawn = f" of {config['folds']} folds drawn from" if config.get("folds") else " of"
        place = f"chromosome {config['valid_fold']}" if config.get("atac") else f"fold {config['valid_fold']}{drawn} the data"
        return f"Validation sequences: {place}.{_common(config)}"
    if "valid_fraction" not in config:
        return ""
    drawn = f" with seed {config['split_seed']}" if "split_seed" in config else ""
    share = f"{config['valid_fraction']:.0%} of the data, drawn at random{drawn}"
    kept = "All windows of a chromosome" if config.get("atac") else "Identical sequences and near-duplicates"
    return f"Validation sequences: {share}. {kept} are in the same set."


def _common(config: Fields) -> str:
    """Describes the sequences that are in both the validation set and the training set, if the two sets were compared."""
    if "common" not in config:
        return ""
    nothing = "No validation sequence is a duplicate or near-duplicate of a training sequence."
    return f" {config['common'] or nothing}"


def _chosen_epoch(metrics: Fields, history: Sequence[Fields]) -> str:
    if "best_epoch" not in metrics or len(history) < 2:
        return ""
    return (
        f"The model is from epoch {metrics['best_epoch']:.0f} of {len(history)}. This epoch was selected by its metrics on the "
        "validation sequences. Expect slightly lower metrics on new sequences."
    )


def _limits(description: ModelDescription, config: Fields) -> list[str]:
    return [
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


def _strand_rule(construct: Construct) -> str:
    return "each prediction is the mean over both strands" if construct.strands == "both" else "each prediction is for the given strand"


def _figure(value: float, form: str) -> str:
    return UNDEFINED if isinstance(value, float) and math.isnan(value) else format(value, form)


def _duration(seconds: float) -> str:
    """Formats a duration as hours and minutes, minutes and seconds, or seconds."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
