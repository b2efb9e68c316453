"""``python -m benchmarks.plain PORT`` serves the plain service over ``DATABASE_URL`` until SIGTERM."""

import asyncio
import signal
import sys

import uvloop

from benchmarks.plain.service import application
from headrace import config
from headrace.api import server
from headrace.api.settings import ApiSettings
from headrace.cli.attachment import die_with_parent


async def _serve(port: int) -> None:
    listener = server.listen(ApiSettings(port=port))
    async with application(config.read()) as app:
        plain = server.over(app)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, plain.stop)
        await plain.serve(sockets=[listener])


if __name__ == "__main__":
    die_with_parent()
    uvloop.run(_serve(int(sys.argv[1])))
