import threading

from smithers_py import Task, plan


def watch(ctx):
    errors = []

    def work():
        try:
            ctx.state.get("target")
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    raise errors[0]


@plan
def App(ctx):
    Task(watch, id="watch")
