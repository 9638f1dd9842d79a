"""Numbers per turn from what was measured, as tables."""

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

Row: TypeAlias = dict[str, Any]
_KIB: Final = 1024
_LARGE, _SMALL = 10_000, 1_000  # growth is from the second to the first
_PAIRS: Final = 2  # of words and what they hold


def summary(found: Row) -> Row:
    """Return per board what a turn costs, how that grows, and what is reached of what is to be reached."""
    rows = [_board(row) for row in found["boards"]]
    growth = list(_growth(rows))
    peers = [_peer(row, rows) for row in found["peer_boards"]]
    return {"boards": rows, "growth": growth, "peers": peers, "reach": list(_reach(found, rows, growth, peers))}


def _board(row: Row) -> Row:
    turns, size = row["turns"], row["size"]
    per_turn = 1e6 / turns
    sqlite, floor, memory = row["sqlite"], row["floor"], row["memory"]
    best, best_floor = _least(sqlite, "wall"), _least(floor, "wall")
    cpu, floor_cpu = _least(sqlite, "cpu"), _least(floor, "cpu")
    last = sqlite[0]
    calm = min(row["loop"], key=lambda seen: seen["max"])
    return {
        "shape": row["shape"],
        "size": size,
        "us": best * per_turn,
        "us_median": statistics.median(run["wall"] for run in sqlite) * per_turn,
        "us_cpu": cpu * per_turn,
        "us_loop_cpu": _least(sqlite, "loop_cpu") * per_turn,
        "us_memory": _least(memory, "wall") * per_turn,
        "us_memory_cpu": _least(memory, "cpu") * per_turn,
        "us_floor": best_floor * per_turn,
        "us_floor_cpu": floor_cpu * per_turn,
        "ratio": best / best_floor,
        "ratio_median": statistics.median(run["wall"] for run in sqlite)
        / statistics.median(run["wall"] for run in floor),
        "ratio_cpu": cpu / floor_cpu,
        "same_bytes": all(run["same"] for run in floor),
        "batches_per_transaction": last["batches"] / row["transactions"],
        "kib_per_card": _least(sqlite, "peak") / size / _KIB,
        "traced_kib_per_card": row["traced_peak"] / size / _KIB,
        "peak": _least(sqlite, "peak"),
        "traced_peak": row["traced_peak"],
        "bytes_per_turn": (last["bytes"] - last["payload_bytes"]) / turns,
        "payload_bytes_per_turn": last["payload_bytes"] / turns,
        "loop": calm,
        "loop_thread_cpu": min(seen["max_thread_cpu"] for seen in row["loop"]),
        "loop_own": min(seen["max_own"] for seen in row["loop"]),
        "noise": row["noise"],
        "load": row["load"],
        "pace": row["pace"]["median"],
    }


def _least(runs: Iterable[Row], name: str) -> float:
    value: float = min(run[name] for run in runs)
    return value


def _growth(rows: Sequence[Row]) -> Iterator[Row]:
    by_size = {(row["shape"], row["size"]): row for row in rows}
    for (shape, size), row in by_size.items():
        if size == _LARGE and (small := by_size.get((shape, _SMALL))):
            cards = _LARGE - _SMALL
            yield {
                "shape": shape,
                **{
                    name: row[name] / small[name] for name in ("us", "us_cpu", "us_memory", "us_memory_cpu", "us_floor")
                },
                "kib_per_card": (row["peak"] - small["peak"]) / cards / _KIB,
                "traced_kib_per_card": (row["traced_peak"] - small["traced_peak"]) / cards / _KIB,
            }


def _peer(row: Row, rows: Sequence[Row]) -> Row:
    if "left_out" in row:
        return row
    us = row["wall"] * 1e6 / row["size"]
    own = next(each["us"] for each in rows if (each["shape"], each["size"]) == (row["shape"], row["size"]))
    return {**row, "us": us, "ratio": own / us}


def _reach(found: Row, rows: Sequence[Row], growth: Sequence[Row], peers: Sequence[Row]) -> Iterator[Row]:
    """Yield what is to be reached, what was, and whether that is enough."""
    imports = found["import"]
    yield _aim("import orket", imports["bare"] * 1e3, 150, "ms")
    yield _aim("import orket and use it, whole", imports["whole"] * 1e3, 150, "ms")
    yield _aim("import orket and use it, above its dependencies", imports["above"] * 1e3, 60, "ms")
    for row in rows:
        if row["size"] != max(each["size"] for each in rows):
            continue
        of = f"{row['shape']} {row['size']:,}"
        if row["shape"] == "independent":
            yield _aim(f"a turn, {of}", row["us"], 250, "us")
            yield _aim(f"above the floor, {of}", row["ratio"], 4, "x")
        yield _aim(f"event loop kept, {of}", row["loop"]["max"], 5, "ms")
        yield _aim(f"event loop kept by orket's own steps, {of}", row["loop_own"], 5, "ms")
        yield _aim(f"memory per card, {of}", row["kib_per_card"], 6, "KiB")
        yield _aim(f"database per turn beside payloads, {of}", row["bytes_per_turn"] / _KIB, 4, "KiB")
    for row in growth:
        yield _aim(f"growth per turn, {row['shape']}", row["us"], 1.15, "x")
    largest = max((row["size"] for row in rows), default=0)
    for row in peers:
        if "ratio" in row and row["size"] in (largest, _SMALL):
            yield _aim(f"turn : step of {row['peer']}, {row['shape']} {row['size']:,}", row["ratio"], 1, "x")


def _aim(what: str, value: float, most: float, unit: str) -> Row:
    return {"what": what, "measured": value, "most": most, "unit": unit, "reached": value <= most}


def text(found: Row) -> str:
    """Return everything as tables."""
    told, machine = found["summary"], found["machine"]
    imports, looked = found["import"], found["discovery"]
    head = (
        f"Python {machine['python']}, SQLite {machine['sqlite']}, {machine['processors']} processors, "
        f"{machine['system']} {machine['machine']}, {found['backend']}, best of {found['repeat']}; "
        f"load average {machine['load']} before, {machine['load_after']} after"
    )
    start = (
        f"import orket: {imports['bare'] * 1e3:.0f} ms; import orket; orket.Orchestrator: "
        f"{imports['whole'] * 1e3:.0f} ms whole, {imports['above'] * 1e3:.0f} ms above "
        f"attrs, cattrs and anyio ({imports['below'] * 1e3:.0f} ms); processor time "
        f"{imports['whole_cpu'] * 1e3:.0f} and {imports['above_cpu'] * 1e3:.0f} ms\n"
        f"offers of {looked['installed']} distributions: {looked['look'] * 1e3:.0f} ms, after "
        f"{looked['import_metadata'] * 1e3:.0f} ms for importing importlib_metadata; resolving all nodes then takes "
        f"{looked['resolve'] * 1e3:.0f} ms"
    )
    parts = [head, start, _turns(told), _growths(told), _space(told), _loops(told), _peers(told), _reached(told)]
    return "\n\n".join(filter(None, parts))


def _turns(told: Row) -> str:
    columns: Sequence[tuple[str, Callable[[Row], str]]] = (
        ("turn us", lambda row: f"{row['us']:.0f}"),
        ("median", lambda row: f"{row['us_median']:.0f}"),
        ("cpu", lambda row: f"{row['us_cpu']:.0f}"),
        ("loop cpu", lambda row: f"{row['us_loop_cpu']:.0f}"),
        ("memory", lambda row: f"{row['us_memory']:.0f}"),
        ("memory cpu", lambda row: f"{row['us_memory_cpu']:.0f}"),
        ("floor us", lambda row: f"{row['us_floor']:.0f}"),
        ("floor cpu", lambda row: f"{row['us_floor_cpu']:.0f}"),
        ("ratio", lambda row: f"{row['ratio']:.2f}" + ("" if row["same_bytes"] else " OTHER BYTES")),
        ("ratio of medians", lambda row: f"{row['ratio_median']:.2f}"),
        ("ratio cpu", lambda row: f"{row['ratio_cpu']:.2f}"),
        ("batches", lambda row: f"{row['batches_per_transaction']:.1f}"),
        ("load", lambda row: f"{row['load'][0]:.1f}" if row["load"] else "?"),
        ("pace", lambda row: f"{row['pace']:.0f}"),
    )
    note = (
        "per turn, in us; memory: with MemoryStore; floor: the same rows by raw sqlite3; batches: per transaction;\n"
        "load: average of the last minute; pace: ns for a step of an empty loop, more on a machine that others use"
    )
    return note + "\n" + _table(told["boards"], columns)


def _growths(told: Row) -> str:
    if not told["growth"]:
        return ""
    columns: Sequence[tuple[str, Callable[[Row], str]]] = (
        ("turn", lambda row: f"{row['us']:.2f}"),
        ("cpu", lambda row: f"{row['us_cpu']:.2f}"),
        ("memory", lambda row: f"{row['us_memory']:.2f}"),
        ("memory cpu", lambda row: f"{row['us_memory_cpu']:.2f}"),
        ("floor", lambda row: f"{row['us_floor']:.2f}"),
        ("KiB per further card", lambda row: f"{row['kib_per_card']:.1f}"),
        ("traced", lambda row: f"{row['traced_kib_per_card']:.1f}"),
    )
    return f"from {_SMALL:,} to {_LARGE:,} issues: growth per turn, and memory for each card more\n" + _table(
        told["growth"], columns
    )


def _space(told: Row) -> str:
    columns: Sequence[tuple[str, Callable[[Row], str]]] = (
        ("memory KiB/card", lambda row: f"{row['kib_per_card']:.1f}"),
        ("traced KiB/card", lambda row: f"{row['traced_kib_per_card']:.1f}"),
        ("database B/turn", lambda row: f"{row['bytes_per_turn']:.0f}"),
        ("payloads B/turn", lambda row: f"{row['payload_bytes_per_turn']:.0f}"),
    )
    note = (
        "peak memory: growth of the resident set, and what Python allocated; database: the file without payload texts"
    )
    return note + "\n" + _table(told["boards"], columns)


def _loops(told: Row) -> str:
    columns: Sequence[tuple[str, Callable[[Row], str]]] = (
        ("max", lambda row: f"{row['loop']['max']:.1f}"),
        ("p99.9", lambda row: f"{row['loop']['p99_9']:.1f}"),
        ("median", lambda row: f"{row['loop']['median']:.2f}"),
        ("> 5 ms", lambda row: f"{row['loop']['over_5']}/{row['loop']['naps']}"),
        ("cpu max", lambda row: f"{row['loop_thread_cpu']:.1f}"),
        ("own max", lambda row: f"{row['loop_own']:.1f}"),
        ("gc max", lambda row: f"{row['loop']['gc_max']:.1f}"),
        ("idle max", lambda row: f"{row['noise']['idle']['max']:.1f}"),
        ("idle p99.9", lambda row: f"{row['noise']['idle']['p99_9']:.1f}"),
        ("busy max", lambda row: f"{row['noise']['busy']['max']:.1f}"),
        ("busy p99.9", lambda row: f"{row['noise']['busy']['p99_9']:.1f}"),
    )
    note = (
        "how late the event loop was, in ms; cpu: the most that its thread computed in one gap; own: without what the\n"
        "garbage collector took; gc: its longest pause;\n"
        "idle, busy: the same watchdog without orket, beside nothing, and beside a loop and a thread that are as busy"
    )
    return note + "\n" + _table(told["boards"], columns)


def _peers(told: Row) -> str:
    columns: Sequence[tuple[str, Callable[[Row], str]]] = (
        ("peer", lambda row: row["peer"]),
        ("step us", lambda row: f"{row['us']:.0f}" if "us" in row else row["left_out"].splitlines()[0][:60]),
        ("turn : step", lambda row: f"{row['ratio']:.2f}" if "us" in row else ""),
        ("journal", lambda row: row.get("journal_mode", "")),
    )
    return "peers, per step that does nothing\n" + _table(told["peers"], columns) if told["peers"] else ""


def _reached(told: Row) -> str:
    def line(aim: Row) -> str:
        reached = "yes" if aim["reached"] else "no "
        return f"{reached}  {aim['measured']:9.2f} {aim['unit']:3} <= {aim['most']:g}  {aim['what']}"

    return "\n".join(["reached", *[line(aim) for aim in told["reach"]]])


def _table(rows: Sequence[Row], columns: Sequence[tuple[str, Callable[[Row], str]]]) -> str:
    heads = ["shape", "issues", *[name for name, _ in columns]]
    body = [
        [row["shape"], f"{row['size']:,}" if "size" in row else "", *[cell(row) for _, cell in columns]] for row in rows
    ]
    widths = [max(len(line[place]) for line in [heads, *body]) for place in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        named = [cell.ljust(width) for cell, width in zip(cells[:_PAIRS], widths, strict=False)]
        numbers = [cell.rjust(width) for cell, width in zip(cells[_PAIRS:], widths[_PAIRS:], strict=True)]
        return "  ".join([*named, *numbers]).rstrip()

    return "\n".join([line(heads), line(["-" * width for width in widths]), *[line(cells) for cells in body]])
