"""How runs go, live on a terminal; elsewhere a line whenever something new happens."""

from __future__ import annotations

import sys

from .show import printable
from .training import reading, roles_of, shown


class Display:
    """Writes to standard error, so that results alone go to standard output."""

    def __init__(self, quiet: bool):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self.quiet, self.said = quiet, {}
        console = Console(file=sys.stderr, highlight=False)
        self.is_live = console.is_terminal and not quiet
        columns = [
            TextColumn("{task.description:<8}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
        ]
        self.progress = Progress(*columns, console=console, disable=not self.is_live)
        self.tasks: dict[tuple[int, int], int] = {}

    def __enter__(self) -> Display:
        self.progress.start()
        return self

    def __exit__(self, *error) -> None:
        self.progress.stop()

    def say(self, sentence: str) -> None:
        if self.is_live:
            self.progress.console.print(printable(sentence), markup=False)
        elif not self.quiet:
            print(printable(sentence), file=sys.stderr, flush=True)

    def show(self, run, records: list) -> None:
        """The run as it is now; what has been shown is not said again."""
        sentence = run.sentence
        if run.position and run.wait_s:
            sentence = f"{sentence} {run.position}. in the queue, about {run.wait_s:.0f} s."
        if self.said.get(run.id, ("", 0))[0] != run.state:
            self.say(f"Run {run.id}: {sentence}")
        self.said[run.id] = (run.state, run.position)
        if run.is_active and (run.id, 0) not in self.tasks:
            for model, role in enumerate(roles_of(run.config)):
                self.tasks[run.id, model] = self.progress.add_task(role, total=None, figures="")
        curves = {found.model: found for found in records}
        for model in run.models:
            if (key := (run.id, model.model)) in self.tasks:
                self.progress.update(
                    self.tasks[key],
                    completed=model.steps_done,
                    total=run.total_steps,
                    figures=_figures(reading(curves.get(model.model))),
                )


def _figures(values: dict[str, float | None]) -> str:
    if values["loss"] is None:
        return ""
    text = f"loss {shown(values['loss'], '.3f')}  accuracy {shown(values['accuracy'], '.0%'):>4}"
    if values["first_gradient"] is None or values["last_gradient"] is None:
        return text
    first, final = values["first_gradient"], values["last_gradient"]
    return f"{text}  gradient {first:.1e} at the first block, {final:.1e} at the last"
