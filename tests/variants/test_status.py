import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.variants.status import COMPARED, MEANINGS, WORDS, Status, StatusCounts

BATCHES = st.lists(st.lists(st.lists(st.sampled_from(Status), min_size=1, max_size=3), min_size=1, max_size=4), max_size=4)
"""Batches of records, each given by the statuses of its alleles."""


def summed(batches):
    summary, line = StatusCounts.empty(), 3
    for batch in batches:
        statuses = np.array([status for record in batch for status in record], np.uint8)
        records = np.repeat(np.arange(len(batch)), [len(record) for record in batch])
        summary = summary.plus(statuses, records, np.arange(line, line + len(batch)))
        line += len(batch)
    return summary


@given(BATCHES)
def test_alleles_and_first_lines_are_counted_by_status(batches):
    summary = summed(batches)
    records = [record for batch in batches for record in batch]
    alleles = [status for record in records for status in record]
    assert summary.records == len(records)
    assert dict(summary.counts) == {status: alleles.count(status) for status in set(alleles)}
    assert summary.first == {status: 3 + next(i for i, record in enumerate(records) if status in record) for status in set(alleles)}
    assert sum(summary.words().values()) == len(alleles)
    assert summary.mismatches == (alleles.count(Status.REF_MISMATCH), sum(alleles.count(status) for status in COMPARED))


def test_summary_lines():
    summary = summed([[[Status.OK, Status.SYMBOLIC]], [[Status.REF_MISMATCH], [Status.OK], [Status.TOO_LONG], [Status.SYMBOLIC]]])
    assert summary.lines(genome=True) == [
        "Scored 2 of 6 alternative alleles of 5 records.",
        "symbolic: 2 (the first in line 3)",
        "ref_mismatch: 1 (the first in line 4)",
        "too_long: 1 (the first in line 6)",
        "REF differs from the genome in 1 of 4 compared alleles (25 %).",
    ]
    assert summary.lines(genome=False)[0] == "Scored 2 of 6 pairs of sequences."
    assert len(summary.lines(genome=False)) == 4


def test_summary_of_one_allele_is_in_singular():
    summary = summed([[[Status.OK]]])
    assert summary.lines(genome=True) == [
        "Scored 1 of 1 alternative allele of 1 record.",
        "REF differs from the genome in 0 of 1 compared allele (0 %).",
    ]
    assert summary.lines(genome=False) == ["Scored 1 of 1 pair of sequences."]


def test_summary_of_no_records():
    assert StatusCounts.empty().lines(genome=True) == ["Scored 0 of 0 alternative alleles of 0 records."]


def test_words_are_valid_in_vcf_info():
    assert all(re.fullmatch("[a-z_]+", word) for word in WORDS)


def test_every_status_has_a_number_and_a_meaning():
    assert [int(status) for status in Status] == list(range(len(WORDS)))
    assert set(MEANINGS) == set(Status)
