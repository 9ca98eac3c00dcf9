"""Runs every command of dreamkeras on machines that lack something, and shows how each run ends.

    sudo python benchmarks/hostile_machine.py [--only predict] [--jobs 2]

The machines have a read-only root, no home folder, a temporary folder of 256 KB, one process per user, or a closed standard stream. A
last machine sends SIGTERM at five moments. A run is `right` if it ends as on an ordinary machine and writes the same files. A run has
`one line` if it fails with one line on standard error. Everything else is a fault: a traceback, silence, files that are left behind or
processes that keep running. Linux and root are required, because every run has a mount namespace of its own.
"""

import argparse
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from machine import provenance

TABLE = "table.tsv --assay table --sequence-column sequence --target-column value"
COMMANDS = {
    "train": f"train {TABLE} --model dream-cnn-small --steps 4 --out out",
    "train --resume": "train --resume --out unfinished --epochs 2",
    "predict": "predict seqs.fa -m model.onnx -o out.tsv",
    "predict -": "predict seqs.fa -m model.onnx",
    "variants": "variants some.vcf --genome genome.fa -m model.onnx -o out.vcf",
    "mutagenesis": "mutagenesis seqs.fa -m model.onnx -o out.tsv",
    "attribute": "attribute seqs.fa -m run -o out.tsv",
    "ablate": "ablate seqs.fa -m model.onnx -o out.tsv",
    "marginalise": "marginalise TGACTCA -m model.onnx -o out.tsv",
    "evaluate": f"evaluate {TABLE} -m model.onnx -o out",
    "calibrate": f"calibrate {TABLE} -m model.onnx -o out.onnx",
    "design": "design -m model.onnx --target max --random 4 -o out.tsv",
    "serve": "serve -m model.onnx --port 0",
    "benchmark": "benchmark table.tsv --assay table --grid grid.toml -o out",
    "export": "export run -o out.onnx",
    "import-weights": "import-weights weights.pth --model dream-rnn -o out",
    "simulate": "simulate -n 100 -o out.tsv",
    "download": "download weights --to out --mirror http://127.0.0.1:9/",
    "check": "check autosome --slot core --backend tensorflow",
    "models": "models",
    "completion": "completion bash",
}
"""Arguments of each command, relative to a folder with the inputs."""

GRID = 'models = ["dream-cnn-small"]\nseeds = [0]\n[budget]\nsteps = 4\n[table]\ntarget_column = ["value"]\n'
NOBODY = "setpriv --reuid 65534 --clear-groups"
MACHINES = {
    "ordinary": "exec {command}",
    "read-only root": "mount -o bind {case} {case} && mount -o remount,ro,bind / && cd {case} && exec env -u TMPDIR {command}",
    "no home": "exec {nobody} env -u HOME -u USER -u LOGNAME {command}",
    "small TMPDIR": "mount -t tmpfs -o size=256k none {temporary} && exec {command}",
    "ulimit -u": "exec {nobody} prlimit --nproc=1 {command}",
    "<&-": "exec {command} <&-",
    ">&-": "exec {command} >&-",
    "2>&-": "exec {command} 2>&-",
}
"""Shell command that runs the command on each machine."""

MOMENTS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Moments of SIGTERM, as fractions of the duration of an undisturbed run."""


class Run(NamedTuple):
    """How a run ended: exit status (negative after a signal), standard output, standard error, new files and processes left."""

    status: int
    output: str
    errors: str
    files: frozenset[str]
    processes: int
    seconds: float


def inputs(folder: Path, program: str) -> None:
    """Writes the inputs of all commands, and trains a model for them."""
    letters = ["".join("ACGT"[(row * 7 + place * place * (row % 5 + 1)) % 4] for place in range(60)) for row in range(64)]
    (folder / "seqs.fa").write_text("".join(f">s{row}\n{sequence}\n" for row, sequence in enumerate(letters[:3])))
    rows = (f"{sequence}\t{sequence.count('G')}\n" for sequence in letters)
    (folder / "table.tsv").write_text("sequence\tvalue\n" + "".join(rows))
    (folder / "genome.fa").write_text(f">chr1\n{''.join(letters)}\n")
    reference = "".join(letters)[499]
    change = "A" if reference != "A" else "C"
    (folder / "some.vcf").write_text(
        f"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nchr1\t500\t.\t{reference}\t{change}\t.\t.\t.\n"
    )
    (folder / "grid.toml").write_text(GRID)
    data = Path(os.environ.get("DREAMKERAS_DATA", "../shared")) / "golden" / "dream_rnn_yeast.pth"
    if data.is_file():
        shutil.copy(data, folder / "weights.pth")
    for name in ("run", "unfinished"):
        line = [program, *f"train {TABLE} --model dream-cnn-small --steps 4 --out {name}".split()]
        subprocess.run(line, cwd=folder, check=True, capture_output=True)
    shutil.copy(folder / "run" / "model.onnx", folder / "model.onnx")


def files_of(folder: Path) -> frozenset[str]:
    """Returns the relative paths of all files and folders in a folder."""
    return frozenset(str(path.relative_to(folder)) for path in folder.rglob("*"))


def running(mark: str) -> list[int]:
    """Returns the processes whose environment has the mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def execute(template: Path, program: str, command: str, machine: str, stop_after: float | None = None) -> Run:
    """Runs a command in a copy of the inputs, on a machine of `MACHINES`."""
    with tempfile.TemporaryDirectory(dir=template.parent) as parent:
        case, temporary, mark = Path(parent) / "case", Path(parent) / "tmp", uuid.uuid4().hex
        shutil.copytree(template, case)
        temporary.mkdir()
        subprocess.run(["chmod", "-R", "a+rwX", parent], check=True)
        names = {"case": case, "temporary": temporary, "nobody": NOBODY, "command": f"{program} {COMMANDS[command]}"}
        script = MACHINES[machine].format(**names)
        before, began = files_of(case), time.monotonic()
        environment = {**os.environ, "TMPDIR": str(temporary), "MARK": mark}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script], cwd=case, env=environment, text=True, start_new_session=True, **pipes
        )
        output, errors = finish(process, command, stop_after)
        seconds = time.monotonic() - began
        left = running(mark)
        for number in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, 9)
        new = {f for f in files_of(case) - before if not f.endswith(".fai")} | {f"TMPDIR/{f}" for f in files_of(temporary)}
        return Run(process.returncode, output, errors, frozenset(new), len(left), seconds)


def finish(process: subprocess.Popen, command: str, stop_after: float | None) -> tuple[str, str]:
    """Waits until a process ends. `serve`, and every process with `stop_after`, is stopped by SIGTERM."""
    wait = stop_after if stop_after is not None else 15 if command == "serve" else 900
    try:
        return process.communicate(timeout=wait)
    except subprocess.TimeoutExpired:
        process.terminate()
        return process.communicate(timeout=120)


def verdict(run: Run, ordinary: Run) -> str:
    """Says how a run ended, compared with the run on an ordinary machine."""
    lines = [line for line in run.errors.splitlines() if line.strip()]
    faults = [f"{run.processes} processes left"] if run.processes else []
    if "Traceback" in run.errors:
        faults.append(f"traceback: {run.errors}")
    if left := sorted(run.files - ordinary.files if run.status in (ordinary.status, -signal.SIGTERM) else run.files):
        faults.append(f"left {', '.join(left[:3])}{' ...' if len(left) > 3 else ''}")
    if run.status == ordinary.status:
        if missing := ordinary.files - run.files:
            faults.append(f"lacks {', '.join(sorted(missing)[:3])}")
        return "; ".join(faults) or "right"
    if run.status == -signal.SIGTERM and run.files in (frozenset(), ordinary.files):
        return "; ".join([*faults, "before or after the command's own work (exit -15)"])
    last = lines[-1] if lines else run.output.strip().rpartition("\n")[2]  # `check` prints its failures on standard output
    if not last:
        faults.append(f"silent, exit {run.status}")
    return "; ".join([*faults, f"{last} (exit {run.status})"])


def main() -> None:
    """Prints one line for each command and machine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(COMMANDS), metavar="COMMAND")
    parser.add_argument("--machine", nargs="*", default=[*list(MACHINES)[1:], "SIGTERM"], metavar="MACHINE")
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    choices = parser.parse_args()
    print(provenance(), flush=True)
    program = shlex.quote(str(Path(sys.executable).with_name("dreamkeras")))
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        template = Path(parent) / "template"
        template.mkdir()
        inputs(template, program)

        def of_command(command: str) -> list[str]:
            ordinary = execute(template, program, command, "ordinary")
            last = ordinary.errors.splitlines()[-1:] if ordinary.status else []
            rows = [
                f"{command} | ordinary | exit {ordinary.status} {' '.join(last)}, {ordinary.seconds:.1f} s, {len(ordinary.files)} files"
            ]
            for machine in choices.machine:
                if machine in MACHINES:
                    rows.append(f"{command} | {machine} | {verdict(execute(template, program, command, machine), ordinary)}")
                    continue
                for moment in MOMENTS:
                    run = execute(template, program, command, "ordinary", moment * ordinary.seconds)
                    rows.append(f"{command} | SIGTERM at {moment:.0%} | {verdict(run, ordinary)}")
            return rows

        with ThreadPoolExecutor(choices.jobs) as pool:
            for rows in pool.map(of_command, choices.only):
                print("\n".join(rows), flush=True)


if __name__ == "__main__":
    main()
