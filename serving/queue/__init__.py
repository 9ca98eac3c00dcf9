"""Queues of waiting rows, and the order in which rows are scored. A row is one window of a request.

In: windows of many requests.
Out: predictions of the windows.
"""
