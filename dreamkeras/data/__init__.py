"""Reads, splits, simulates and downloads training data: sequences with measured values.

Input: files.
Output: `Examples`, which are sequences of fixed length (windows) with their measured values.
"""
