"""The contract of anchors, compiled: run as a program it writes what the package carries (`make contract`)."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "src/tidewaiter/network/adapters/contracts"
SOURCE = FOLDER / "anchors.vy"
COMPILED = FOLDER / "anchors.json"


def compiled() -> dict[str, Any]:
    """What the compiler beside this Python makes of the source. Raises FileNotFoundError where there is none."""
    compiler = Path(sys.executable).with_name("vyper")
    words = ["-f", "abi,bytecode,bytecode_runtime,method_identifiers", "--no-bytecode-metadata", SOURCE]
    done = subprocess.run([compiler, *words], check=True, capture_output=True, text=True)
    abi, bytecode, runtime, methods = done.stdout.splitlines()
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True, text=True).stdout
    return {
        "source_sha256": hashlib.sha256(SOURCE.read_bytes()).hexdigest(),
        "compiler": f"vyper {version.strip()}",
        "methods": json.loads(methods),
        "abi": json.loads(abi),
        "runtime": runtime,
        "bytecode": bytecode,
    }


def written(content: dict[str, Any]) -> str:
    """The file for this content."""
    return json.dumps(content, indent=1, sort_keys=False) + "\n"


if __name__ == "__main__":
    COMPILED.write_text(written(compiled()))
