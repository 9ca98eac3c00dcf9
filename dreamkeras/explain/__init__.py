"""What letters, spans and motifs contribute to a prediction.

In: sequences and a model's answers.
Out: effects, contributions, logos, seqlets and tables of them.
"""
