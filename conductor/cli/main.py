"""`symphony`: one verb a file, loaded when it is called, so that `--help` answers at once."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import Any

import click

from conductor import __version__
from conductor.cli.output import INTERRUPTED, WRONG, Refusal, emit

VERBS = {
    "up": "Start a system on this machine",
    "down": "Stop it",
    "status": "Services, workers and partitions",
    "logs": "What the services wrote",
    "doctor": "Check this machine and the data folder",
    "demo": "Run the word atlas on real input, and stop again",
    "run": "Run a workflow",
    "runs": "List, show, watch and trace runs",
    "workflows": "Validate, register, list, show and import workflows",
    "artifacts": "Put, get, list and verify artifacts",
    "worker": "Serve Python functions",
    "pit": "The five infrastructure extensions",
    "plan": "From a goal to a workflow of registered functions",
    "policy": "How far a learned policy is trusted",
    "quest": "The Function Quest Game, and the training of the policy",
    "schemas": "Write or check the messages' schemas",
    "bench": "Measure, beside the floors of this machine",
}
LATER = ("extensions", "triggers", "marketplace")
"""Verbs of the command line's contract that this version does not have."""


class Verbs(click.Group):
    """Finds a verb's file by its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in VERBS:
            module = importlib.import_module(f"conductor.cli.{cmd_name}")
            command: click.Command = getattr(module, cmd_name)
            return command
        if cmd_name in LATER:
            raise Refusal(f"`{cmd_name}` is not in version {__version__}; `symphony --help` lists what is")
        near = difflib.get_close_matches(cmd_name, [*VERBS, *LATER], 1)
        hint = f"did you mean `{near[0]}`?" if near else "`symphony --help` lists them"
        raise Refusal(f"there is no verb `{cmd_name}`; {hint}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="symphony")
def cli() -> None:
    """Symphony Conductor: a workflow orchestrator that learns."""


def main(arguments: list[str] | None = None) -> Any:
    """The console script. Every error becomes one line on stderr and an exit code."""
    try:
        code = cli.main(args=arguments, prog_name="symphony", standalone_mode=False)
    except click.exceptions.Abort:
        code = INTERRUPTED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Refusal as error:
        if error.document is not None and "--json" in (sys.argv[1:] if arguments is None else arguments):
            emit(error.document)
        error.show()
        code = error.exit_code
    except click.UsageError as error:
        where = f" ({error.ctx.command_path})" if error.ctx else ""
        click.echo(f"symphony: {error.format_message()}{where}; add --help for what it takes", err=True)
        code = WRONG
    except click.ClickException as error:
        click.echo(f"symphony: {error.format_message()}", err=True)
        code = WRONG
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except Exception as error:  # a defect of ours: one line for the person, the rest where a developer asks for it
        if os.environ.get("SYMPHONY_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        click.echo(
            f"symphony: this is a defect of symphony, please report it: {what} (SYMPHONY_DEBUG=1 shows more)", err=True
        )
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
