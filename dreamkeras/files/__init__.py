"""Reads and writes files and streams, given by path or URL. A failed command leaves no incomplete output file.

Input: paths, URLs of object stores or web servers, or standard input.
Output: the bytes of an input, or a complete file or folder. The modules in this package do not interpret the content of files.
"""
