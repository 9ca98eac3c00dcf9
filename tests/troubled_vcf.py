"""A VCF of valid and problematic records, and the expected status of each allele."""

import random

GENOME = {
    name: "".join(random.Random(name).choices("ACGTacgt" if name == "chr2" else "ACGT", k=length))
    for name, length in (("chr1", 4000), ("chr2", 1500), ("chrM", 200))
}
"""Contigs with and without soft-masked bases."""

HEADER = (
    "##fileformat=VCFv4.3\n"
    + "".join(f"##contig=<ID={name}>\n" for name in (*GENOME, "1", "2", "MT", "chr9"))
    + '##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
    + '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tone\n"
)

ROOM = 6
"""Maximum length of an allele in normal form, for an insert of 12 bases with the variant's first base in the middle."""


def fasta():
    """Returns the genome in FASTA format."""
    return "".join(f">{name} of the tests\n{letters}\n" for name, letters in GENOME.items())


def other(letters):
    """Returns a string of the same length in which every base is different."""
    return letters.upper().translate(str.maketrans("ACGT", "CGTA"))


class Maker:
    """Generates records. Each method returns CHROM, POS, REF, the alternative alleles, and their expected statuses."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def place(self, letters=1):
        contig = self.random.choice(list(GENOME))
        start = self.random.randrange(len(GENOME[contig]) - letters + 1)
        return contig, start + 1, GENOME[contig][start : start + letters]

    def fine(self):
        contig, position, ref = self.place(self.random.randint(1, ROOM))
        alts = {"".join(self.random.choices("ACGTacgtRYN", k=self.random.randint(1, ROOM))) for _ in range(self.random.randint(1, 3))}
        alts = sorted(alt for alt in alts if alt.upper() != ref.upper()) or [other(ref)]
        called = self.random.choice([contig, {"chrM": "MT"}.get(contig, contig.removeprefix("chr"))])
        return called, position, self.random.choice([ref, ref.upper(), ref.lower()]), alts, ["ok"] * len(alts)

    def at_the_ends(self):
        contig = self.random.choice(list(GENOME))
        position = self.random.choice([1, len(GENOME[contig])])
        ref = GENOME[contig][position - 1]
        return contig, position, ref, [other(ref), ref + "ACG"], ["ok", "ok"]

    def mismatch(self):
        contig, position, ref = self.place()
        return contig, position, other(ref), [ref, "<DEL>"], ["ref_mismatch", "symbolic"]

    def symbolic(self):
        contig, position, ref = self.place()
        return contig, position, ref, [other(ref), "<DUP:TANDEM>"], ["ok", "symbolic"]

    def breakend(self):
        alts = [f"N{self.random.choice('[]')}chr2:7{self.random.choice('[]')}", "N."]
        return *self.place(), alts, ["breakend"] * 2

    def missing(self):
        contig, position, ref = self.place()
        return contig, position, ref, ["*", other(ref)], ["missing", "ok"]

    def none(self):
        return *self.place(), ["."], ["missing"]

    def not_letters(self):
        return *self.place(), ["A-", "X"], ["not_letters"] * 2

    def elsewhere(self):
        return "chr9", self.random.randrange(1, 10**6), "A", ["C"], ["not_in_genome"]

    def outside(self):
        contig = self.random.choice(list(GENOME))
        position = self.random.choice([0, len(GENOME[contig]) + 1])
        return contig, position, "A", ["C"], ["outside"]

    def across_the_end(self):
        contig = self.random.choice(list(GENOME))
        return contig, len(GENOME[contig]), GENOME[contig][-1] + "A", ["C"], ["outside"]

    def long_insertion(self):
        contig, position, ref = self.place()
        return contig, position, ref, [ref + "A" * self.random.randint(ROOM + 1, 50), ref + "T"], ["too_long", "ok"]

    def long_deletion(self):
        contig, position, ref = self.place(self.random.randint(ROOM + 2, 90))
        return contig, position, ref, [ref[0]], ["too_long"]

    def same(self):
        contig, position, ref = self.place(2)
        return contig, position, ref, [ref.swapcase()], ["same_as_ref"]


KINDS = [name for name in vars(Maker) if not name.startswith("_") and name not in ("place", "fine", "at_the_ends")]
"""Kinds of problematic records that htslib can read."""

BROKEN = {
    "too few columns": lambda fields: fields[:7],
    "no number": lambda fields: [fields[0], "1e3", *fields[2:]],
    "below 0": lambda fields: [fields[0], "-3", *fields[2:]],
    "no contig": lambda fields: ["", *fields[1:]],
    "spaces": lambda fields: [" ".join(fields)],
    "a header again": lambda fields: HEADER.splitlines()[-1].split("\t"),
}
"""Kinds of lines that are not records."""


def troubled_lines(records, seed=0, *, broken=True):
    """Yields `records` lines, each with the expected statuses of its alleles.

    In each group of three lines, the first is valid, the second is at the end of a contig, and the third is problematic.
    """
    maker = Maker(seed)
    kinds = [*KINDS, *BROKEN] if broken else KINDS
    for number in range(records):
        kind = kinds[number // 3 % len(kinds)] if number % 3 == 2 else ("fine", "at_the_ends")[number % 3]
        contig, position, ref, alts, statuses = getattr(maker, kind, maker.fine)()
        name = record_name(number)
        fields = [contig, str(position), name, ref, ",".join(alts), "50", "PASS", f"DP={number}" if number % 2 else ".", "GT", "0/1"]
        if kind in BROKEN:
            fields, statuses = BROKEN[kind](fields), ["malformed"]
        yield "\t".join(fields), statuses


def record_name(number):
    """Returns the ID of a record. Every fifth record has none."""
    return "." if number % 5 == 0 else f"rs{number}"
