"""Simulates promoter libraries with known true expression.

Input: the number of promoters and a random seed.
Output: a library in the file layout of the yeast data, and the true expression of each promoter.
"""
