"""The world of campers, in a real loop."""

from tests.support.loop import Loop


async def camping(loop: Loop) -> None:
    """Three campers bought a stove after a tent; lamps and ropes are popular with people who saw nothing else."""
    for camper in ("bea", "cal", "dan"):
        await loop.send(loop.act(camper, "tent"), loop.act(camper, "stove", action="purchase"))
    for number in range(8):
        await loop.send(loop.act(f"reader-{number}", "lamp", action="click"))
    for number in range(4):
        await loop.send(loop.act(f"sailor-{number}", "rope"))
    await loop.settle()
