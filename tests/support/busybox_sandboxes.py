"""A sandbox policy whose containers are made of busybox, and a product for it."""

import json
from pathlib import Path
from typing import Any

from docker_engine import IMAGE

from orket.contracts import SandboxQuestion
from orket.nodes.sandbox_policy import DefaultSandboxPolicyNode

HEALTH = {"interval": "0.2s", "timeout": "5s", "retries": 3, "start_period": "0s"}


class BusyboxSandboxes(DefaultSandboxPolicyNode):
    """An API that serves the files of the product, and a "database" that only waits."""

    def compose_file(self, question: SandboxQuestion, /) -> str:
        ports = question.ports
        hardened = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"], "restart": "no", "init": True}
        services: dict[str, Any] = {
            "database": {
                **hardened,
                "image": IMAGE,
                "command": ["sh", "-c", "echo password is $$PASSWORD; exec sleep 3600"],
                "environment": {"PASSWORD": question.database_password},
                "ports": [f"127.0.0.1:{ports.database}:5432"],
                "volumes": ["data:/data"],
            },
            "api": {
                **hardened,
                "build": {"context": f"{question.product}/backend"},
                "environment": {"URL": f"postgresql://app:{question.database_password}@database/app"},
                "command": ["httpd", "-f", "-v", "-p", "8000", "-h", "/www"],
                "ports": [f"127.0.0.1:{ports.api}:8000"],
                "depends_on": {"database": {"condition": "service_started"}},
                "healthcheck": {"test": ["CMD", "wget", "-q", "-O", "-", "http://127.0.0.1:8000/health"], **HEALTH},
            },
        }
        return json.dumps({"name": "x", "services": services, "volumes": {"data": None}})


def write_product(folder: Path, **pages: Any) -> Path:
    """Write a product whose API answers with these pages, as JSON."""
    www = folder / "backend" / "www"
    www.mkdir(parents=True, exist_ok=True)
    for name, answer in {"health": "ok", **pages}.items():
        (www / name).write_text(json.dumps(answer), "utf-8")
    (folder / "backend" / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY www /www\n", "utf-8")
    return folder
