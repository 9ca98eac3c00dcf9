"""Writes model cards. A model card is the README.md of a run folder and describes the training, validation, limits and use of a model.

The text is generated from dictionaries. Lines for missing values are omitted. The module does not import Keras.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dreamkeras.confidence.model_card import confidence_note
from dreamkeras.export.training_summary import OPTIONS
from dreamkeras.files.inputs import listed_files
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.description import ModelDescription
from dreamkeras.sequence.task_scale import TaskScale
from dreamkeras.training.epochs.duration import describe_duration
from dreamkeras.training.run_folder.metrics_table import figure_text
from dreamkeras.training.run_folder.seeds_table import seeds_table
from dreamkeras.training.run_folder.validation_section import test_section, validation_section

__all__ = ["model_card"]

Fields = Mapping[str, Any]

REFERENCES = """\
- Rafi, A. M., Nogina, D., Penzar, D. et al. A community effort to optimize sequence-based deep learning models of gene regulation.
  Nature Biotechnology (2024). https://doi.org/10.1038/s41587-024-02414-w
- Penzar, D., Nogina, D., Noskova, E. et al. LegNet: a best-in-class deep learning model for short DNA regulatory regions.
  Bioinformatics 39, btad457 (2023). https://doi.org/10.1093/bioinformatics/btad457"""
"""References for the Prix Fixe framework with the DREAM models, and for the network and strategy of team autosome."""

NETWORK = {"model": "Network: `{}`"}

PROFILE = "- Output `profile`: for each of the {:,} central positions, the share of the window's reads that begin at the position"


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
        "Validation": validation_section(description, metrics, history, config),
        "Test": test_section(metrics, config),
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
        text += f" Validation r: {figure_text(metrics['r'], '.3f')}."
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
