"""Networks: named combinations of blocks, with the names that their papers use, and the networks' gradients.

In: the name of a network, or of its blocks, and an assay.
Out: a `PrixFixe`, a Keras model.
"""
