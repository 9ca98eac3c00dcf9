"""Predicts variant effects: the predictions for the reference and the alternative allele, and their difference.

In: a VCF and a reference genome, or a table of pairs of sequences.
Out: predictions for both alleles, and a status for every allele.
"""
