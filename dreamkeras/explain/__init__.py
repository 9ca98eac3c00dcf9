"""Explains predictions by the contributions of letters, spans and motifs.

In: sequences and a model.
Out: effects and contributions, as tables, arrays, logos and seqlets.
"""
