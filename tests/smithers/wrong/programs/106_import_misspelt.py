from smithers_py import Pahse, plan


@plan
def App(ctx):
    with Pahse("build"):
        pass
