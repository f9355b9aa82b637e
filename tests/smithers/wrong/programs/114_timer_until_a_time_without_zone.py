from datetime import datetime

from smithers_py import Timer, plan


@plan
def App(ctx):
    Timer("morning", until=datetime(2027, 1, 1, 8))
