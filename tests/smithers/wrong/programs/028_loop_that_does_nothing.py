from smithers_py import Ralph, plan


@plan
def App(ctx):
    with Ralph("polish", max_iterations=3):
        "polish the text"
