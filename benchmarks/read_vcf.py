"""Measures the speed of reading a VCF of 100,000 records, plain and compressed with bgzip: dreamkeras compared with pysam.

Run `python benchmarks/read_vcf.py`. pysam must be installed. Times are CPU times, the minimum of five runs.
"""

import random
import tempfile
import time
from pathlib import Path

import pysam
from machine import provenance

from dreamkeras.files.bgzip import BgzipWriter
from dreamkeras.formats.vcf import open_vcf

RECORDS = 100_000
REPEATS = 5


def write_records(path):
    random.seed(0)
    lines = ["##fileformat=VCFv4.2", "##contig=<ID=chr1,length=248956422>", '##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">']
    lines += [
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tone\ttwo",
    ]
    for position in range(1, RECORDS + 1):
        ref, alt = random.sample("ACGT", 2)
        lines.append(f"chr1\t{100 * position}\trs{position}\t{ref}\t{alt}\t50\tPASS\tDP={position % 90}\tGT\t0/1\t1/1")
    data = "".join(line + "\n" for line in lines).encode()
    path.write_bytes(data)
    with open(f"{path}.gz", "wb") as file:
        packed = BgzipWriter(file)
        packed.write(data)
        packed.finish()


def with_ours(path):
    with open_vcf(path) as vcf:
        return [
            row
            for batch in vcf.batches
            for row in zip(batch.contigs, batch.positions.tolist(), batch.ids, batch.refs, batch.alts, strict=True)
        ]


def with_pysam(path):
    with pysam.VariantFile(path) as file:
        return [(record.chrom, record.pos, record.id, record.ref, ",".join(record.alts)) for record in file]


def main():
    pysam.set_verbosity(0)  # suppresses the warning about a missing index
    print(provenance())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.vcf")
        write_records(path)
        for file in (str(path), f"{path}.gz"):
            assert with_ours(file) == with_pysam(file)
            for name, read in (("dreamkeras", with_ours), ("pysam", with_pysam)):
                times = []
                for _ in range(REPEATS):
                    begin = time.process_time()
                    read(file)
                    times.append(time.process_time() - begin)
                print(f"{Path(file).name}\t{name}\t{RECORDS / min(times):,.0f} records/s")


if __name__ == "__main__":
    main()
