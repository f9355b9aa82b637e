from smithers_py import Agent, plan


@plan
def App(ctx):
    Agent(prompt="Write a poem")
