"""Runs that go on or are repeated: what was asked for then, and what differs now."""

from datetime import datetime

from mrcnn.config import ConfigError
from mrcnn.training.run import RunError, checkpoints, find_run, read_facts
from mrcnn.training.stages import extend_stages
from pumpkin.config import PumpkinConfig

NOT_EQUAL = 4  # the exit code of a repetition that came out otherwise


def read_run(name, runs_dir, settings, dataset=None, report=print):
    """The folder, the config and the facts of a run of scripts/train.py.

    name: a folder or "last". settings: a dict of settings to change, of those that change no result.
    dataset: where the data stand now, if they were moved. report: as in find_run. Raises RunError and
    ConfigError.
    """
    folder = find_run(name, runs_dir, report)
    facts = read_facts(folder)
    options = facts.get("options", {})
    if not isinstance(options, dict) or "skip_bad" not in options:
        raise RunError(
            f"{folder}: is no run of scripts/train.py; the program that began it has to go on with it."
        )
    _check_facts(folder, facts)
    config = PumpkinConfig.from_yaml(folder / "config.yaml")
    for setting in settings:
        if setting not in config.no_effect:
            raise ConfigError(
                f"--set {setting}: a run keeps its settings; {' and '.join(config.no_effect)} may change."
            )
    config.update(settings, source="--set")
    if dataset is not None:
        config.update({"DATASET": dataset})
    return folder, config, facts


# What a run is gone on with by: section, name and type, of the facts that its first process wrote.
_NEEDED = (
    ("options", "skip_bad", bool),
    ("weights", "name", str),
    ("versions", "backend", str),
    ("config", "SEED", int),
    ("data", "train", str),
)


def _check_facts(folder, facts):
    """Raise RunError for a run.json without what a run needs, or with something else in its place."""
    for section, name, kind in _NEEDED:
        values = facts.get(section)
        if not isinstance(values, dict) or not isinstance(values.get(name), kind):
            raise RunError(f"{folder / 'run.json'}: is damaged: it lacks {section}.{name}; train anew.")
    result, changes = facts.get("result", {"weights": ""}), facts.get("changes", [])
    if not isinstance(result, dict) or not isinstance(result.get("weights"), str):
        raise RunError(f"{folder / 'run.json'}: is damaged: its result has no weights.")
    if not isinstance(changes, list) or not all(
        isinstance(change, dict) and {"epoch", "step", "changed"} <= set(change) for change in changes
    ):
        raise RunError(f"{folder / 'run.json'}: is damaged: its changes are no list of changes.")


def extend(config, epochs):
    """Give a config more epochs; returns a text on it, None where nothing changes. Raises ConfigError."""
    if epochs is None:
        return None
    before = sum(stage["epochs"] for stage in config.STAGES)
    config.update({"STAGES": extend_stages(config.STAGES, epochs)})
    return f"epochs: {before} -> {epochs}" if epochs != before else None


def check_same(old, new, force, report):
    """Tell what differs from when a run was begun; returns the texts.

    old, new: ingredients of fingerprint. Raises RunError where going on would mix two runs, unless ``force``.
    """
    from mrcnn.training.fingerprint import differences

    found = differences(old, new)
    for difference in found:
        report(f"Differs from when the run was begun: {difference}")
    fatal = [difference for difference in found if difference.fatal]
    if fatal and not force:
        raise RunError(
            f"{', '.join(difference.name for difference in fatal)} changed, so this would be another "
            "run. Restore what changed, train anew, or go on all the same with --force."
        )
    if found:
        report("The run goes on, but may not end with the bytes that it would have had.")
    return [str(difference) for difference in found]


def note_changes(run, texts, state):
    """Write into run.json that a run went on, from ``state``, with something changed."""
    if not texts:
        return
    known = read_facts(run.folder).get("changes", [])
    when = {"epoch": state.epoch if state else 0, "step": state.step if state else 0}
    moment = datetime.now().isoformat(timespec="seconds")
    run.note(changes=[*known, {**when, "time": moment, "changed": texts}])


def finished_result(folder, facts):
    """The result in the facts of a run to repeat. Raises RunError if the run has none."""
    if "result" not in facts:
        raise RunError(
            f"{folder}: has not come to its end, so there is nothing to compare with; --resume it first."
        )
    return facts["result"]


def verdict(old_folder, facts, report):
    """Say whether a repetition came out equal, or what differs; returns the exit code.

    facts: of the repetition, with its result.
    """
    from mrcnn.training.fingerprint import differences

    old = read_facts(old_folder)
    found = [str(difference) for difference in differences(old, facts)]
    for change in old.get("changes", []):
        found += [
            f"{text} (within {old_folder}, after {change['epoch']} epochs and {change['step']} steps)"
            for text in change["changed"]
        ]
    theirs, ours = finished_result(old_folder, old)["weights"], facts["result"]["weights"]
    if theirs == ours:
        report(f"Equal: the weights are those of {old_folder} to the last bit (SHA-256 {ours[:16]}).")
        if found:
            report("And that although these differ:")
    else:
        report(f"Not equal: the weights have SHA-256 {ours[:16]}, those of {old_folder} {theirs[:16]}.")
        report("What differs:" if found else "No ingredient differs that a run notes.")
    for text in found:
        report(f"  {text}")
    return 0 if theirs == ours else NOT_EQUAL


def check_can_start(folder, facts, state):
    """Raise RunError where a run without a whole state is past its first epoch: it must not begin again."""
    if state is None and ("result" in facts or any(epoch > 1 for epoch in checkpoints(folder))):
        raise RunError(
            f"{folder}: has checkpoints, but no whole state to go on from; start a new run with "
            f"--weights {max(checkpoints(folder).values(), default='none')}."
        )
