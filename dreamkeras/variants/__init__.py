"""Predicts variant effects.

The effect is the prediction for the alternative allele minus the prediction for the reference allele.

In: a VCF and a reference genome, or a table of sequence pairs.
Out: predictions for both alleles, and a status for every allele.
"""
