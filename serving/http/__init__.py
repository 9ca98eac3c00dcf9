"""HTTP: routes, bodies, tokens, and the page.

In: HTTP requests.
Out: HTTP answers.
"""
