"""`headrace demo`: simulated viewers against a running API."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from headrace.cli.chosen import Space
from headrace.cli.complaints import Complaint
from headrace.clock import SystemClock
from headrace.config.spaces import DEFAULT
from headrace.demo import screen
from headrace.demo.client import ApiAway, Client
from headrace.demo.figures import Figures, figures_of
from headrace.demo.plan import Plan
from headrace.demo.theatre import Theatre

_DEFAULTS = Plan()


def demo(
    url: Annotated[str, typer.Option(help="Where the API listens.")] = _DEFAULTS.url,
    seconds: Annotated[float, typer.Option(min=1, help="How long it lasts.")] = _DEFAULTS.seconds,
    viewers: Annotated[int, typer.Option(min=1, help="How many viewers come and come again.")] = _DEFAULTS.viewers,
    items: Annotated[int, typer.Option(min=20, max=99_999, help="How many items there are.")] = _DEFAULTS.items,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same viewers, items and choices.")] = _DEFAULTS.seed,
    rate: Annotated[float, typer.Option(min=0.1, max=2000, help="Requests to /reco a second.")] = _DEFAULTS.rate,
    control_share: Annotated[
        float, typer.Option(min=0, max=0.9, help="The part of them that is shown popular items only.")
    ] = _DEFAULTS.control_share,
    json: Annotated[Path | None, typer.Option(help="Write the final figures to this file.", dir_okay=False)] = None,
    space: Space = None,
) -> None:
    """Simulate viewers with hidden tastes, and watch the recommendations learn them.

    The viewers are simulated, and so are their tastes, watches and clicks; the API they talk to is the real one, and what
    they do stays in it under ids that begin with demo- and the seed.
    """
    console = Console()
    plan = Plan(url, seconds, viewers, items, seed, rate, control_share, None if space == DEFAULT else space)
    try:
        figures = asyncio.run(_perform(plan, console))
    except ApiAway as away:
        raise Complaint(str(away)) from None
    console.print(screen.summary(figures))
    if json is not None:
        try:
            json.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
        except OSError as error:
            typer.echo(f"{json} cannot be written: {error.strerror}.", err=True)
            raise typer.Exit(1) from None


async def _perform(plan: Plan, console: Console) -> Figures:
    """Play to the end or to Ctrl-C, showing how it goes."""
    async with Client(plan.url, SystemClock(), plan.space) as client:
        theatre = Theatre(plan, client, SystemClock())
        await client.check()
        over = asyncio.Event()
        looking = asyncio.create_task(
            screen.follow(console, lambda: figures_of(plan, theatre, final=False), plan.seconds, over)
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, theatre.stop)
        try:
            await theatre.play()
        finally:
            over.set()
            await looking
        return figures_of(plan, theatre, final=True)
