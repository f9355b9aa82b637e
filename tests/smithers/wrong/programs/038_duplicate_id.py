from smithers_py import Phase, Task, plan


@plan
def App(ctx):
    with Phase("build"):
        Task(print, id="compile")
        with Phase("test"):
            Task(print, id="compile")
