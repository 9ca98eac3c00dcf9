"""Measured sequences: reads, splits, simulates and downloads the data of each assay.

Input: files.
Output: `Examples`, which are windows with their measured values.
"""
