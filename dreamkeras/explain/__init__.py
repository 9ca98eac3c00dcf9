"""Contributions of letters, spans and motifs to predictions.

In: sequences and a model.
Out: effects and contributions, as tables, arrays, logos and seqlets.
"""
