"""The `tidewaiter` command: gathers the nouns and turns errors into words and exit codes."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from itertools import pairwise

from cyclopts import App, CycloptsError

from tidewaiter import __version__
from tidewaiter.cli import output
from tidewaiter.cli.output import UsageError
from tidewaiter.model.errors import TidewaiterError


def build() -> App:
    """The command tree. Commands live in the module of their noun and import what they need when called."""
    app = App(name="tidewaiter", version=__version__, help=HELP, help_format="markdown")
    for name, words in COMMANDS.items():
        app.command(f"tidewaiter.cli.{name}:{name}", name=name, help=words)
    for name, words in NOUNS.items():
        app.command(f"tidewaiter.cli.{MODULES.get(name, name)}:app", name=name, help=words)
    return app


COMMANDS = {
    "demo": "Load the demonstration parcels, decide them, and show what became of them.",
    "serve": "Serve the officers' pages and the REST interface.",
    "submit": "Hand in message files and see what became of each.",
    "classify": "Tell which subheadings a description of goods points to, and why.",
    "conformance": "Run a suite over outside samples and state how many cases pass.",
}
NOUNS = {
    "accounts": "Keep the revenue accounts: post, pay, state, reconcile.",
    "anchor": "Keep final checkpoints of the record where the network cannot rewrite them, and hold logs against them.",
    "decision": "Show, explain and replay decisions.",
    "connector": "Connect an administration's own declaration system: add, list, replay, end, run; carry out what it tells.",
    "device": "Register seals, trackers and aircraft; permit flights; take readings that devices publish over MQTT.",
    "declaration": "List declarations, and write them for other customs systems.",
    "drop": "Take messages that partners leave in folders, and answer beside them.",
    "election": "Keep what operators elect between alternatives of the law: propose, approve, list.",
    "event": "Take in events of movement (EPCIS 2.0), list and show them.",
    "history": "Show what came before from and to the same people; rebuild it, export it, work out whole periods.",
    "intake": "Store batches of the record in a file or on NATS, and hand them in to the log.",
    "ledger": "Verify, export and open the record; receipts that are verified offline.",
    "list": "Keep lists of parties, addresses, brands, goods and numbers: propose, approve, export; screen a name.",
    "message": "List messages and give back their bytes as received.",
    "movement": "Show where a parcel's goods are by what was told, what somebody is to look at; name places of arrival.",
    "network": "Found a network of members; show one on this machine.",
    "node": "Run a member of the shared record: sequencer, mirror or witness.",
    "notice": "List what customs told the senders, since a cursor.",
    "officer": "Make the lines of the file of officers who may sign in at the pages.",
    "outcome": "Record what examinations found; follow a seizure to the parcels tied to it.",
    "quote": "Say what a basket will cost, whether it may come in, who pays and when.",
    "regime": "Show the law of one jurisdiction on one day, with its sources.",
    "return": "Hand in returned goods and exit events; show, decide and replay what is given back.",
    "risk": "Targeting rules: check, format, show as tables and forms, import, try on declarations.",
    "rule": "Show the data-quality rules.",
    "score": "Learn a score from inspection outcomes, score records, watch for drift.",
    "sender": "Add senders and issue API keys.",
    "simulate": "Make a world of parcels in which what is wrong is known, and measure on it.",
    "stock": "Keep goods in free zones and warehouses: open accounts, tell entries and orders, count, state.",
    "tariff": "Import published tariffs, show what they say of a code, compare editions.",
    "webhook": "Tell senders by posting their notices to an address of theirs: add, list, replay, end.",
    "watch": "Keep the watch list.",
    "bench": "Measure this machine.",
    "database": "Look after the database.",
    "docs": "Write or check the generated parts of the documentation.",
}
MODULES = {"return": "returns", "list": "lists"}  # where a noun is a word of Python's
HELP = """Clears cross-border e-commerce parcels on data sent before they arrive.

Exit codes: 0 done; 1 could not be done; 2 wrong usage; 3 done, with findings.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = build()(
            words,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except CycloptsError as error:
        hint = _with_minus(words) or "tidewaiter --help lists the commands; each has its own --help"
        output.say("error", str(error), hint=hint)
        sys.exit(output.EXIT_USAGE)
    except UsageError as error:
        output.say("error", error.detail, hint=error.hint)
        sys.exit(output.EXIT_USAGE)
    except TidewaiterError as error:
        output.say("error", error.detail, hint=error.hint, place=error.place, code=error.code)
        sys.exit(output.EXIT_ERROR)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        output.say("error", f"{error.strerror}: {error.filename}", hint=_file_hint(error), code="file")
        sys.exit(output.EXIT_ERROR)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(output.EXIT_OK)
    sys.exit(code if isinstance(code, int) else output.EXIT_OK)


def _file_hint(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "look at the name; one that is not absolute begins at the folder the command runs in"
        case IsADirectoryError():
            return "name a file, not a folder"
        case _:
            return "ask whoever owns it for the right to read or write it"


def _with_minus(words: Sequence[str]) -> str:
    """A hint where a value that begins with a minus was taken for an option; "" where none was."""
    for option, value in pairwise(words):
        if option.startswith("--") and "=" not in option and value[:1] == "-" and value[1:2].isdigit():
            return f"a value that begins with a minus is written with an equals sign: {option}={shlex.quote(value)}"
    return ""
