"""Mutation testing of a package: changes the code in one place at a time, and counts the mutants that the tests detect.

Usage: python benchmarks/mutants.py PACKAGE [--number 150] [--seed 0] [--only TEXT] [--list]

PACKAGE is a source folder with its subfolders, such as dreamkeras/data or serving. The mutants are those of cosmic-ray
(`pip install cosmic-ray`). Random places in the code are drawn with the seed, and a random mutation at each place. Each mutant is tested
with the tests of its module and, if these pass, with all tests of the package. Files are changed in place and restored, so run the script
in a separate clean clone.
"""

import argparse
import ast
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

OWN, ALL = 150, 900
"""Time limits in seconds for the tests of a module and for all tests of the package. A mutant that exceeds a limit counts as detected."""


class Mutant(NamedTuple):
    """A mutation by cosmic-ray: an operator and the number of the occurrence in the file to which it is applied."""

    path: Path
    operator: str
    occurrence: int
    line: int
    column: int

    def code(self) -> str:
        return mutate_code(self.path.read_text(), get_operator(self.operator)(), self.occurrence)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column} {self.operator.partition('/')[2]}"


def annotations(path: Path) -> set[tuple[int, int]]:
    """Returns the lines and columns inside annotations, where `|` is not an operation."""
    nodes = ast.walk(ast.parse(path.read_text()))
    hints = [hint for node in nodes for hint in (getattr(node, "annotation", None), getattr(node, "returns", None)) if hint]
    return {
        (line, column)
        for hint in hints
        for line in range(hint.lineno, hint.end_lineno + 1)
        for column in range(hint.col_offset if line == hint.lineno else 0, hint.end_col_offset + 1 if line == hint.end_lineno else 200)
    }


def is_counted(operator: str, place: tuple[int, int], hints: set[tuple[int, int]]) -> bool:
    """Returns whether a mutation is counted.

    Mutations in annotations are not counted. Nor is the replacement of `==` by `is`, whose effect depends on the interning of objects.
    """
    name = operator.partition("/")[2]
    identity = name.startswith("ReplaceComparisonOperator_") and "Is" in name.split("_")[2] and "Is" not in name.split("_")[1]
    return place not in hints and not identity


def mutants_of(path: Path) -> list[Mutant]:
    tree, hints, found = get_ast(path.read_text()), annotations(path), []
    for operator in sorted(operator_names()):
        kind = get_operator(operator)
        if kind.arguments():
            continue
        places = [start for node in ast_nodes(tree) for start, _ in kind().mutation_positions(node)]
        found += [Mutant(path, operator, n, *place) for n, place in enumerate(places) if is_counted(operator, place, hints)]
    return found


def draw(mutants: list[Mutant], number: int, seed: int) -> list[Mutant]:
    """Draws one mutant at each of `number` random places, because some places, such as additions, have many mutants."""
    places: dict[tuple[Path, int, int], list[Mutant]] = {}
    for mutant in mutants:
        places.setdefault((mutant.path, mutant.line, mutant.column), []).append(mutant)
    generator = random.Random(seed)
    drawn = generator.sample(list(places.values()), min(number, len(places)))
    return [generator.choice(choices) for choices in drawn]


def passes(tests: list[str], seconds: float) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    # With a separate folder, Hypothesis does not repeat examples that failed for another mutant.
    with tempfile.TemporaryDirectory() as folder:
        settings = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": folder}
        try:
            return subprocess.run(command, capture_output=True, timeout=seconds, check=False, env=settings).returncode == 0
        except subprocess.TimeoutExpired:
            return False


def tests_of(path: Path) -> Path:
    """Returns the path of the tests of a folder or file: tests/data/splits for dreamkeras/data/splits, tests/serving for serving."""
    return Path("tests", *path.parts[path.parts[0] == "dreamkeras" :])


def all_tests(package: Path) -> list[str]:
    return [str(tests_of(package)), str(package)]


def survives(mutant: Mutant, package: Path) -> bool:
    original, own = mutant.path.read_text(), tests_of(mutant.path).with_name(f"test_{mutant.path.name}")
    mutant.path.write_text(mutant.code())
    try:
        return (not own.exists() or passes([str(own), str(mutant.path)], OWN)) and passes(all_tests(package), ALL)
    finally:
        mutant.path.write_text(original)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("--number", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="Test only mutants whose line of output contains this text.")
    parser.add_argument("--list", action="store_true", help="List the mutants without testing them.")
    chosen = parser.parse_args()
    if subprocess.run(["git", "status", "--porcelain", str(chosen.package)], capture_output=True, text=True, check=True).stdout:
        sys.exit(f"{chosen.package} has uncommitted changes. Commit them first.")
    if not chosen.list and not passes(all_tests(chosen.package), ALL):
        sys.exit(f"The tests of {chosen.package} fail without mutations. Fix them first.")
    every = [mutant for path in sorted(chosen.package.rglob("*.py")) for mutant in mutants_of(path)]
    drawn = [mutant for mutant in draw(every, chosen.number, chosen.seed) if chosen.only in str(mutant)]
    begun, survivors = time.monotonic(), 0
    for mutant in drawn:
        lived = not chosen.list and survives(mutant, chosen.package)
        survivors += lived
        print(f"{'SURVIVED' if lived else 'drawn' if chosen.list else 'killed'}\t{mutant}", flush=True)
    if not chosen.list:
        share = 100 * (len(drawn) - survivors) / max(1, len(drawn))
        print(
            f"{chosen.package}: {len(drawn) - survivors} of {len(drawn)} killed ({share:.1f} %), drawn from {len(every)} with seed "
            f"{chosen.seed}, {time.monotonic() - begun:.0f} s"
        )


if __name__ == "__main__":
    main()
