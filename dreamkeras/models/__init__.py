"""Builds networks from named blocks, provides the published networks under their usual names, and computes gradients of networks.

In: the name of a network, or the names of its blocks, and an assay.
Out: a `PrixFixe`, a Keras model.
"""
