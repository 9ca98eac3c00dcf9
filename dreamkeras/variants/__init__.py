"""Variant effects: what an allele changes in a prediction.

In: a VCF and a genome, or a table of pairs of sequences.
Out: predictions of both alleles, and a status for every allele.
"""
