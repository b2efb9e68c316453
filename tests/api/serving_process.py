"""A process that serves a small world, for tests that send it signals: ``python -m tests.api.serving_process PORT SLOW_S``."""

import asyncio
import sys

import uvloop

from headrace.api import server
from tests.api.world import World

if __name__ == "__main__":
    world = World()
    world.slow_s = float(sys.argv[2])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve(world.services(port=int(sys.argv[1]))))
