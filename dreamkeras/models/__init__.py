"""Networks: blocks put together under the names of the papers, and their gradients.

In: names of networks or blocks, and an assay.
Out: a `PrixFixe`, a Keras model.
"""
