"""A container engine as its commands show it: what compose files ask for is there, until it is removed."""

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
from attrs import define, field

from orket.contracts import CommandResult

OK = CommandResult(returncode=0, stdout="", stderr="")


@define
class Thing:
    """A container, network, volume or image."""

    kind: str
    name: str
    labels: dict[str, str] = field(factory=dict)
    status: str = ""
    health: str = ""
    code: int = 0
    log: str = ""
    environment: dict[str, str] = field(factory=dict)


@define
class EngineDouble:
    """Runs ``docker`` and ``docker-compose`` commands. ``around`` may do something before, after or instead of each.

    ``health`` is what services with a health check say when they are looked at, one after the other; the last stays.
    """

    things: dict[str, Thing] = field(factory=dict)
    calls: list[tuple[str, ...]] = field(factory=list)
    files: list[dict[str, Any]] = field(factory=list)
    health: list[str] = field(factory=lambda: ["starting", "healthy"])
    taken: set[int] = field(factory=set)  # ports that other programs have bound
    around: Callable[[tuple[str, ...], Callable[[], CommandResult]], Awaitable[CommandResult]] | None = None

    async def run(self, argv: Sequence[str], /, *, cwd: Path, timeout: float) -> CommandResult:  # noqa: ASYNC109
        assert cwd.is_dir()  # noqa: ASYNC240 - a folder of a test
        assert timeout > 0
        await anyio.lowlevel.checkpoint()
        self.calls.append(tuple(argv))
        command = (argv[0].rpartition("/")[2].replace("podman", "docker"), *argv[1:])
        if self.around is not None:
            return await self.around(command, lambda: self._try(command))
        return self._try(command)

    def _try(self, command: tuple[str, ...]) -> CommandResult:
        try:
            return self._act(command)
        except KeyError as error:
            return CommandResult(returncode=1, stdout="", stderr=f"no such thing: {error}")

    def foreign(self) -> list[Thing]:
        """Put in what is not ours: unlabelled, of another owner, and named like ours."""
        others = [
            Thing(kind="container", name="somebody", status="running"),
            Thing(kind="container", name="theirs", status="running", labels={"orket.owner": "x", "orket.sandbox": "s"}),
            Thing(kind="volume", name="orket-sandbox-launch_data"),
            Thing(kind="network", name="orket-sandbox-launch_default", labels={"orket.sandbox": "sandbox-launch"}),
            Thing(kind="image", name="orket-sandbox/x:sandbox-launch.0"),
        ]
        self.things.update({f"f{number}": one for number, one in enumerate(others)})
        return others

    def ours(self) -> list[Thing]:
        """Return what there is beside that."""
        return [one for key, one in self.things.items() if not key.startswith("f")]

    def _act(self, argv: tuple[str, ...]) -> CommandResult:  # noqa: C901 - one case for each command
        match argv:
            case ("docker-compose", "-p", project, "-f", file, "up", "-d", "--build"):
                return self._up(project, json.loads(Path(file).read_text("utf-8")))
            case ("docker", "ps", "--all", "--quiet", "--no-trunc", *filters):
                return self._list("container", filters)
            case ("docker", "network" | "volume" as kind, "ls", *filters):
                return self._list(kind, [it for it in filters if it not in ("--quiet", "--no-trunc")])
            case ("docker", "inspect", "--type", "container", "--format", _, *names):
                return self._inspect(names)
            case ("docker", "network" | "volume", "inspect", "--format", _, *names):
                return self._say(json.dumps({"labels": self.things[name].labels}) for name in names)
            case ("docker", "healthcheck", "run", name):
                return OK if self.things[name].health else CommandResult(returncode=1, stdout="", stderr="has none")
            case ("docker", "stop", "-t", _, *names):
                for name in names:
                    self.things[name].status, self.things[name].code = "exited", 137
                return OK
            case ("docker", "rm", "--force", "--volumes", *names) | ("docker", "network" | "volume", "rm", *names):
                for name in names:
                    self.things.pop(name)
                return OK
            case ("docker", "rmi", "--force", *names):
                self.things = {key: it for key, it in self.things.items() if it.kind != "image" or it.name not in names}
                return OK
            case ("docker", "images", "--format", "{{.Repository}}:{{.Tag}}"):
                return self._say(it.name for it in self.things.values() if it.kind == "image")
            case ("docker", "logs", "--tail", _, name):
                return CommandResult(returncode=0, stdout=self.things[name].log, stderr="a word on stderr\n")
        raise AssertionError(f"the engine has no command {argv}")

    def _up(self, project: str, file: dict[str, Any]) -> CommandResult:
        self.files.append(file)
        for name, service in file["services"].items():
            for port in service.get("ports", ()):
                if int(port["published"] if isinstance(port, dict) else port.split(":")[1]) in self.taken:
                    return CommandResult(
                        returncode=1, stdout="", stderr="Bind for 127.0.0.1 failed: port is already allocated"
                    )
            if "build" in service:
                self._add("image", service["image"], {})
            thing = self._add("container", f"{project}_{name}_1", service["labels"])
            thing.status, thing.environment = "running", service.get("environment", {})
            thing.health = "starting" if "healthcheck" in service else ""
            thing.log = "".join(f"{key}={value}\n" for key, value in thing.environment.items())
        for kind in ("network", "volume"):
            for name, body in file.get(f"{kind}s", {}).items():
                self._add(kind, f"{project}_{name}", body["labels"])
        return OK

    def _add(self, kind: str, name: str, labels: dict[str, str]) -> Thing:
        key = f"{kind}-{name}"
        return self.things.setdefault(key, Thing(kind=kind, name=name, labels=labels))

    def _list(self, kind: str, filters: Sequence[str]) -> CommandResult:
        wanted = [it.removeprefix("label=").split("=") for it in filters[1::2]]
        return self._say(
            key
            for key, it in self.things.items()
            if it.kind == kind and all(it.labels.get(label) == value for label, value in wanted)
        )

    def _inspect(self, names: Sequence[str]) -> CommandResult:
        said = self.health.pop(0) if len(self.health) > 1 else self.health[0]
        lines = []
        for name in names:
            thing = self.things[name]
            thing.health = said if thing.health else ""
            facts = {"id": name, "status": thing.status, "code": thing.code, "labels": thing.labels}
            lines.append(json.dumps({**facts, "health": thing.health}))
        return self._say(lines)

    def _say(self, lines: Any) -> CommandResult:
        return CommandResult(returncode=0, stdout="".join(f"{line}\n" for line in lines), stderr="")
