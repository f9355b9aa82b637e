from smithers_py import End, component


@component
def App(ctx):
    return End({"log": open})
