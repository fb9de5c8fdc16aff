"""Foreign problems as quests. None of it is ever trained on."""

from __future__ import annotations

import msgspec

from quest.convert import pddl, scheduling, taskbench, wfformat
from quest.document import Quest, QuestError, encode

__all__ = ["convert"]


def convert(file: object, form: str, slots: int) -> str:
    """A file of a foreign form as the JSON of a quest, or of a list of quests.

    Raises:
        QuestError: the file cannot be read, or is not of this form.
    """
    from pathlib import Path

    path = Path(str(file))
    try:
        text = path.read_text("utf-8") if path.suffix != ".gz" else ""
    except (OSError, UnicodeDecodeError) as error:
        raise QuestError(f"{path}: {error}") from None
    try:
        if form == "taskbench":
            found: Quest | list[Quest] = taskbench.quests(path.parent, path)
        elif form == "jobshop":
            found = scheduling.jobshop(path.stem, text)
        elif form == "rcpsp":
            found = scheduling.rcpsp(path.stem, text)
        elif form == "wfformat":
            found = wfformat.read(path, slots)
        else:
            found = pddl.read(path, text)
    except (ValueError, KeyError, IndexError, OSError) as error:
        raise QuestError(f"{path} is not of the form {form}: {error}") from None
    parts = found if isinstance(found, list) else [found]
    bodies = [encode(one).decode() for one in parts]
    whole = "[" + ",".join(bodies) + "]" if isinstance(found, list) else bodies[0]
    return msgspec.json.format(whole, indent=1)
