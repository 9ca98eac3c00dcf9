"""Trains on targets of different scales and compares the exports in each precision with the Keras model.

    python benchmarks/target_scales.py [--rows 2000] [--epochs 2] [--model dream-cnn-small] [--scales 1e-6 1 1e4 1e6 1e9]

Each row of the output has the scale and the offset of N(0, 1) targets, the validation r, and for each precision the maximum difference
between the Keras model and the export, in standard deviations of the Keras predictions, or the message of a rejected export.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

LENGTH = 40
DREAMKERAS = (sys.executable, "-c", "from dreamkeras.cli.main import main; main()")


def write_library(path: Path, rows: int, scale: float, offset: float) -> None:
    """Writes random sequences whose value depends on their counts of G and C plus noise, standardised and then scaled and shifted."""
    random = np.random.default_rng(0)
    letters = random.integers(0, 4, (rows, LENGTH))
    counts = (letters == 2).sum(1) - 0.5 * (letters == 1).sum(1) + random.normal(size=rows)
    values = (counts - counts.mean()) / counts.std() * scale + offset
    texts = ("".join("ACGT"[code] for code in row) for row in letters)
    path.write_text("sequence\tvalue\n" + "".join(f"{text}\t{value:.17g}\n" for text, value in zip(texts, values, strict=True)))


def difference(run: Path, file: Path) -> float:
    """Returns the maximum difference between the predictions of the Keras model and a file, in standard deviations of the Keras model's."""
    from dreamkeras.export.parity import parity_letters
    from dreamkeras.export.tracing import load_network
    from dreamkeras.scoring.predictor import load

    model = load(file, device="cpu")
    letters = parity_letters(model.construct)
    keras = load_network(run / "model.keras").predictor().predict(letters, batch_size=64, verbose=0).astype(np.float64)
    return float(np.abs(keras - model.score_windows([letters])).max() / keras.std())


def run_command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DREAMKERAS, *arguments], cwd=folder, check=False, capture_output=True, text=True)


def show(scale: float, offset: float, options: argparse.Namespace, folder: Path) -> None:
    """Prints one row of the table."""
    write_library(folder / "library.tsv", options.rows, scale, offset)
    columns = ("--assay", "table", "--sequence-column", "sequence", "--target-column", "value")
    choices = ("--epochs", str(options.epochs), "--model", options.model, "--out", "run")
    trained = subprocess.run(
        [*DREAMKERAS, "train", "library.tsv", *columns, *choices], cwd=folder, check=False, capture_output=True, text=True
    )
    run, cells = folder / "run", [f"{scale:g}", f"{offset:g}"]
    if trained.returncode:
        print("\t".join([*cells, trained.stderr.strip().splitlines()[-1]]), flush=True)
        return
    cells += [f"{json.loads((run / 'metrics.json').read_text())['r']:.3f}", f"{difference(run, run / 'model.onnx'):.2g}"]
    for precision in ("float16", "int8"):
        command = ("export", "run", "-o", f"{precision}.onnx", "--precision", precision)
        done = run_command(folder, *command)
        refusal = f"rejected: {done.stderr.strip().splitlines()[-1]}" if done.returncode else ""
        cells.append(refusal or f"{difference(run, folder / f'{precision}.onnx'):.2g}")
    print("\t".join(cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--model", default="dream-cnn-small")
    parser.add_argument("--scales", type=float, nargs="+", default=[1e-6, 1, 1e4, 1e6, 1e9])
    parser.add_argument("--offsets", type=float, nargs="+", default=[1e6], help="Offsets of targets N(offset, 1).")
    options = parser.parse_args()
    print("scale\toffset\tvalidation r\tfloat32\tfloat16\tint8")
    for scale, offset in [*((scale, 0.0) for scale in options.scales), *((1.0, offset) for offset in options.offsets)]:
        with tempfile.TemporaryDirectory() as folder:
            show(scale, offset, options, Path(folder))


if __name__ == "__main__":
    main()
