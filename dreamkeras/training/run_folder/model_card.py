"""The README.md of a run folder: what a model is, how it was trained, how well it does and what it is not for.

Text from dictionaries; whatever is not known has no line. Knows nothing about Keras.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dreamkeras.confidence.model_card import confidence_note, interval_note
from dreamkeras.export.training_summary import OPTIONS
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.description import ModelDescription

__all__ = ["model_card"]

Fields = Mapping[str, Any]

REFERENCES = """\
- Rafi, A. M., Nogina, D., Penzar, D. et al. A community effort to optimize sequence-based deep learning models of gene regulation.
  Nature Biotechnology (2024). https://doi.org/10.1038/s41587-024-02414-w
- Penzar, D., Nogina, D., Noskova, E. et al. LegNet: a best-in-class deep learning model for short DNA regulatory regions.
  Bioinformatics 39, btad457 (2023). https://doi.org/10.1093/bioinformatics/btad457"""
"""The Prix Fixe framework with the DREAM models, and the network and training strategy of team autosome."""

CEILING = (
    "The noise ceiling is the r that a model without any error would have with means of k replicates whose mean r is rho: "
    "the root of k rho / (1 + (k - 1) rho) (Spearman 1904, 1910; Brown 1910). It takes the noise of replicates as independent and alike."
)

PROFILE = "- Output `profile`: the share of the window's reads that begin at each of the {:,} positions in its middle"

UNDEFINED = "undefined"
"""In place of a figure that does not exist."""

DISTANCE = (
    "A profile's distance is the Jensen-Shannon distance of measured and predicted shares of a window's reads, from 0 to 0.833; the "
    "sampling of few reads alone keeps it above 0. Beside it stand those of the reads at shuffled positions and of the average profile."
)


def model_card(description: ModelDescription, metrics: Fields, history: Sequence[Fields], config: Fields) -> str:
    """A model card in Markdown.

    Args:
        description: What the model says of itself.
        metrics: Validation figures of the saved model: any of `r`, `rho`, `mse`, `n`, `best_epoch` and `seconds` (of training).
        history: One row an epoch.
        config: The choices of the run, as in its `config.json`; `data` None is a simulated library, `valid` None a share of
            the data.

    Returns:
        Text that ends with a line break. Sections and lines about what is missing are left out.
    """
    sections = {
        "Model": _model(description, config),
        "Training": _training(metrics, history, config),
        "Validation": _validation(description, metrics, history, config),
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
        text += " **Trained on simulated measurements: a demonstration, not a model of any cell.**"
    return text


def _model(description: ModelDescription, config: Fields) -> list[str]:
    construct = description.construct
    inserts = f"{construct.shortest}" if construct.shortest == construct.longest else f"{construct.shortest} to {construct.longest}"
    adapters = f", between `{construct.left_adapter}` and `{construct.right_adapter}`" if _has_adapters(construct) else ""
    return [
        *_lines(config, {"model": "Network: `{}`"}),
        *(f"- Output `{task}`: {unit}" for task, unit in zip(description.tasks, description.units, strict=True)),
        *([PROFILE.format(description.profile)] if description.profile else []),
        f"- Construct `{construct.name}`: inserts of {inserts} letters{adapters}; the model sees a window of {construct.length} letters",
        f"- Strands: {_strand_rule(construct)}",
    ]


def _training(metrics: Fields, history: Sequence[Fields], config: Fields) -> list[str]:
    data = ["- Data: a promoter library that dreamkeras simulated"] if _is_simulated(config) else _lines(config, {"data": "Data: `{}`"})
    seconds = metrics.get("seconds")
    return [
        *data,
        *_lines(config.get("table") or {}, {"weight_column": "Weights of the sequences: column `{}`"}),
        *_lines(config.get("table") or {}, {"variance_column": "Weights of the sequences: the inverse of column `{}`"}),
        *_lines(config.get("atac") or {}, {"genome": "Genome: `{}`", "signal": "Reads: `{}`", "nonpeaks": "Non-peaks: `{}`"}),
        *_lines(config.get("atac") or {}, {"nonpeak_ratio": "Non-peaks for each peak in an epoch: {:g}"}),
        *_lines(config, {"bias": "Enzyme's bias: the network in `{}`, held fixed inside this one"}),
        *_lines(config, {"source": "Weights: published, from the file `{}`", "sha256": "SHA-256 of that file: `{}`"}),
        *_lines(config, {"examples": "Training sequences: {:,}", "validation_examples": "Validation sequences: {:,}"}),
        *_lines(config, {"strategy": "Strategy: {}"}),
        *_options(config),
        *_epochs(history, config),
        *_lines(config, {"batch_size": "Batch size: {:,}", "learning_rate": "Highest learning rate: {:g}", "seed": "Seed: {}"}),
        *_lines(config, {"backend": "Backend: {}", "precision": "Precision: {}"}),
        *([f"- Duration: {_duration(seconds)}"] if seconds else []),
    ]


def _options(config: Fields) -> list[str]:
    """What was chosen beyond the strategy, or is part of it: one line, none if there is nothing."""
    chosen = []
    for name in OPTIONS:
        if value := config.get(name):
            text = " and ".join(value) if isinstance(value, list | tuple) else "" if value is True else str(value)
            chosen.append(f"{name.replace('_', ' ')} {text}".rstrip())
    return [f"- Options: {', '.join(chosen)}"] if chosen else []


def _epochs(history: Sequence[Fields], config: Fields) -> list[str]:
    planned = config.get("epochs")
    if history and planned and len(history) < planned:
        return [f"- Epochs: {len(history)} of {planned} planned"]
    return [f"- Epochs: {len(history) or planned}"] if history or planned else []


def _validation(description: ModelDescription, metrics: Fields, history: Sequence[Fields], config: Fields) -> list[str]:
    columns = {"r": ("Pearson r", ".3f"), "rho": ("Spearman rho", ".3f"), "mse": ("mean squared error", ".3f"), "n": ("sequences", ",.0f")}
    columns |= {"peaks_r": ("r in peaks", ".3f"), "profile_jsd": ("median profile distance", ".3f")}
    columns |= {"profile_jsd_shuffled": ("of shuffled reads", ".3f"), "profile_jsd_average": ("of the average profile", ".3f")}
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
        "Figures of all tasks are the means over the tasks that have them, each over the sequences in which it was measured."
        if tasks
        else "",
        f"Prediction: {_strand_rule(description.construct)}.",
        interval_note(description),
        _held_out(config),
        _chosen_epoch(metrics, history),
        CEILING if "ceiling_r" in metrics else "",
        DISTANCE if "profile_jsd" in metrics else "",
        "A correlation is undefined where predictions or measurements are all alike or fewer than two, an error where there are none."
        if undefined
        else "",
        "Measurements are noisy, which bounds every figure; other seeds and other validation sequences give others.",
    ]
    table = [f"| {' | '.join(row)} |" for row in (titles, *cells)]
    return [table[0], f"|{'---|' * len(titles)}", *table[1:], "", *(f"- {note}" for note in notes if note)]


def _held_out(config: Fields) -> str:
    """How the validation sequences were chosen."""
    if "valid" not in config:
        return ""
    if config["valid"]:
        return f"Validation sequences: the file `{config['valid']}`.{_common(config)}"
    if config.get("valid_fold") is not None:
        drawn = f" of {config['folds']} that were drawn from" if config.get("folds") else " of"
        place = f"chromosome {config['valid_fold']}" if config.get("atac") else f"fold {config['valid_fold']}{drawn} the data"
        return f"Validation sequences: {place}.{_common(config)}"
    if "valid_fraction" not in config:
        return ""
    drawn = f" by seed {config['split_seed']}" if "split_seed" in config else ""
    share = f"{config['valid_fraction']:.0%} of the data, drawn at random{drawn}"
    kept = "whole chromosomes stay" if config.get("atac") else "what is the same or nearly so stays"
    return f"Validation sequences: {share}; {kept} on one side."


def _common(config: Fields) -> str:
    """What validation and training sequences have in common, where somebody looked."""
    if "common" not in config:
        return ""
    return f" {config['common']}" if config["common"] else " None of them stands in the training data, nor nearly the same."


def _chosen_epoch(metrics: Fields, history: Sequence[Fields]) -> str:
    if "best_epoch" not in metrics or len(history) < 2:
        return ""
    return (
        f"The model is that of epoch {metrics['best_epoch']:.0f} of {len(history)}, chosen by these same validation sequences: "
        "expect somewhat lower figures on sequences that played no part."
    )


def _limits(description: ModelDescription, config: Fields) -> list[str]:
    return [
        *(["- Its measurements were simulated: its predictions say nothing about real promoters."] if _is_simulated(config) else []),
        f"- It knows one construct, `{description.construct.name}`, and the cells and conditions of its training data.",
        "- Other constructs, genomic contexts, cell types and organisms are extrapolation.",
        "- Its numbers are on the scale of its assay. They rank and compare sequences; they are not amounts of RNA or protein.",
        f"- {confidence_note(description)}",
        "- It must not be used for diagnosis, treatment or any decision about a person, nor in place of a measurement.",
    ]


def _use(construct: Construct) -> list[str]:
    example = f"{construct.left_adapter}...{construct.right_adapter}" if _has_adapters(construct) else "ACGT..."
    return [
        "`RUN` is this folder, or its `model.onnx`.",
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
    """What the export found, whatever it measured."""
    found = [(key, value) for key, value in parity.items() if isinstance(value, int | float | str)]
    lines = [f"- {key.replace('_', ' ')}: {value if isinstance(value, str) else f'{value:,.6g}'}" for key, value in found]
    return ["Compared with the Keras model when it was exported:", "", *lines] if lines else []


def _lines(fields: Fields, templates: Mapping[str, str]) -> list[str]:
    """A line for each field that has a value."""
    return [f"- {template.format(fields[key])}" for key, template in templates.items() if fields.get(key) is not None]


def _is_simulated(config: Fields) -> bool:
    return "data" in config and config["data"] is None


def _has_adapters(construct: Construct) -> bool:
    return bool(construct.left_adapter and construct.right_adapter)


def _strand_rule(construct: Construct) -> str:
    return "the mean of both strands" if construct.strands == "both" else "the strand as given"


def _figure(value: float, form: str) -> str:
    return UNDEFINED if isinstance(value, float) and math.isnan(value) else format(value, form)


def _duration(seconds: float) -> str:
    """Hours and minutes, minutes and seconds, or seconds."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
