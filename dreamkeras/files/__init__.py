"""Reads and writes files and streams, given by path or URL. A failed command leaves no incomplete output file.

Input: paths, URLs of object stores and web servers, standard input.
Output: bytes, and complete files or folders. The modules in this package do not interpret the content of files.
"""
