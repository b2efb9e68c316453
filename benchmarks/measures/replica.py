"""A row about one more replica: how soon it is ready, and what it costs."""

from typing import Any

from benchmarks import figures
from benchmarks.measures.bench import Bench
from benchmarks.measures.mixed import ask_everybody, gauges
from benchmarks.results import Measured, figure
from benchmarks.station import private_mb, resident_mb


async def replica(bench: Bench) -> Measured:
    """Start an API on all pairs some times; measure its memory bare and after everybody has been asked for."""
    rounds: list[dict[str, Any]] = []
    async with bench.station(await bench.stores.empty(), api=False, worker=False, bare=False) as station:
        api, _ = await station.start_api()
        nothing = private_mb(api.pid)
    async with bench.station(await bench.stores.whole(), api=False, worker=False, bare=False) as station:
        for _ in range(bench.rounds(3)):
            bench.progress.step("a replica starts")
            api, ready_s = await station.start_api()
            before = private_mb(api.pid)
            resident = resident_mb(api.pid)
            users_before = gauges(await station.page("/metrics/prometheus")).get("reco_snapshot_users", 0.0)
            bench.progress.step("everybody is asked for")
            await ask_everybody(bench, api.url)
            held = gauges(await station.page("/metrics/prometheus"))
            after = private_mb(api.pid)
            users = held.get("reco_snapshot_users", 0.0) - users_before
            rounds.append(
                {
                    "ready_s": round(ready_s, 2),
                    "private_mb": round(before, 1),
                    "resident_mb": round(resident, 1),
                    "private_full_mb": round(after, 1),
                    "users": users,
                    "bytes_per_user": round((after - before) * 1e6 / users, 1) if users else 0.0,
                    "held": held,
                }
            )
            await station.stop("api")
    made = bench.stores.generated()
    private = figures.spread([one["private_mb"] for one in rounds])
    per_million = (private.median - nothing) / (made.pairs / 1e6)
    notes = [
        (
            f"Ready: from the start of the process to the first 200 of `/readyz`, with {made.pairs:,} pairs. On an "
            "empty database it takes "
            f"{nothing:.0f} MB private; a million pairs with their items cost {per_million:.0f} MB; resident, shared "
            "libraries included: "
            f"{figures.spread([one['resident_mb'] for one in rounds]).median:.0f} MB. The gate is 250 MB and 40 MB for "
            "each million "
            "pairs. What answering costs besides histories is in the bytes for each cached user."
        ),
    ]
    return Measured(
        figures=[
            figure("ready after", figures.spread([one["ready_s"] for one in rounds])),
            figure("private memory, no user cached", private),
            figure("for each cached user", figures.spread([one["bytes_per_user"] for one in rounds])),
        ],
        notes=notes,
        rounds=rounds,
    )
