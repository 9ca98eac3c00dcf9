"""How a network is trained: the teams' strategies by name, optimisers, schedules, losses.

In: the choices of a run.
Out: a `Plan` that is settled.
"""
