"""HTTP server: routes, uploads, tokens and the web page.

In: HTTP requests.
Out: HTTP responses.
"""
