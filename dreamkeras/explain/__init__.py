"""Contributions of letters, spans and motifs to a prediction.

In: sequences and a model's answers.
Out: effects, contributions, logos, seqlets and tables of them.
"""
