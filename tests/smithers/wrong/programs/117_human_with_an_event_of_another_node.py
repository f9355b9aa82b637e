from smithers_py import Human, plan


@plan
def App(ctx):
    Human("ship", "Ship it?").on_finished(lambda r: print(r.output))
