"""Resume or repeat an earlier run: read its options, and find what differs now."""

from datetime import datetime

from mrcnn.config import ConfigError, read_settings
from mrcnn.screen import show
from mrcnn.training.run import RunError, checkpoints, find_run, read_facts
from mrcnn.training.stages import extend_stages
from pumpkin.config import PumpkinConfig

NOT_EQUAL = 4  # the exit code of a repetition with other weights


def read_run(name, runs_dir, settings, moved=None, report=show):
    """Return the folder, config and facts of a run of the command train.

    name: a folder or "last". settings: a dict of settings to change, from those that do not affect the
    result. moved: a dict of DATASET and IMAGES with the new place of the data. report: as in find_run.
    Raises RunError and ConfigError.
    """
    folder = find_run(name, runs_dir, report)
    facts = read_facts(folder)
    options = facts.get("options", {})
    if not isinstance(options, dict) or "skip_bad" not in options:
        raise RunError(
            f"{folder}: was not started by scripts/train.py; resume it with the program that started it."
        )
    _check_facts(folder, facts)
    config = PumpkinConfig.from_yaml(folder / "config.yaml", **_settings_of_then(folder))
    for setting in settings:
        if setting not in config.no_effect:
            raise ConfigError(
                f"--set {setting}: a run keeps its settings; {', '.join(config.no_effect)} may change."
            )
    config.update(settings, source="--set")
    config.update(moved or {}, source="the command line")
    return folder, config, facts


# The facts that resuming a run needs, as its first process wrote them: section, name and type.
_NEEDED = (
    ("options", "skip_bad", bool),
    ("weights", "name", str),
    ("versions", "backend", str),
    ("config", "SEED", int),
    ("data", "train", str),
)


def _check_facts(folder, facts):
    """Raise RunError for a run.json in which a needed fact is missing or has another type."""
    for section, name, kind in _NEEDED:
        values = facts.get(section)
        if not isinstance(values, dict) or not isinstance(values.get(name), kind):
            raise RunError(f"{folder / 'run.json'}: is damaged: it lacks {section}.{name}; start a new run.")
    for fault in _faults_of(facts):
        raise RunError(f"{folder / 'run.json'}: is damaged: {fault}.")


def _faults_of(facts):
    """Yield what is wrong with the facts that not every run has."""
    result, changes = facts.get("result", {"weights": ""}), facts.get("changes", [])
    file = facts["weights"].get("file")
    if not (file is None or isinstance(file, str)):
        yield "the file of its weights is no path"
    if not isinstance(facts.get("reproduces") or "", str):
        yield "what it reproduces is no folder"
    if not isinstance(result, dict) or not isinstance(result.get("weights"), str):
        yield "its result has no weights"
    if not isinstance(changes, list) or not all(map(_is_change, changes)):
        yield "its changes are not a list of changes"


def _is_change(change):
    return (
        isinstance(change, dict) and {"epoch", "step"} <= set(change) and type(change.get("changed")) is list
    )


# The only values that existed before the settings did, where PumpkinConfig has another default.
_OF_THEN = {
    "MASK_TARGET": "corner", "MASK_PASTE": "matterport", "AP_EVERY": 0, "AP_IMAGES": None, "BEST_BY": "loss",
}  # fmt: skip


def _settings_of_then(folder):
    """Return the values of settings that a run's config.yaml lacks because they are newer than the run."""
    known = read_settings(folder / "config.yaml")
    return {name: value for name, value in _OF_THEN.items() if name not in known}


def extend(config, epochs):
    """Give a config more epochs; return a text on the change, or None without one. Raises ConfigError."""
    if epochs is None:
        return None
    before = sum(stage["epochs"] for stage in config.STAGES)
    config.update({"STAGES": extend_stages(config.STAGES, epochs)})
    return f"epochs: {before} -> {epochs}" if epochs != before else None


def check_same(old, new, force, report):
    """Report what has changed since a run began, and return the texts.

    old, new: ingredients of fingerprint. Raises RunError if resuming would mix two runs, unless ``force``.
    """
    from mrcnn.training.fingerprint import differences

    found = differences(old, new)
    for difference in found:
        report(f"Changed since the run began: {difference}")
    fatal = [difference for difference in found if difference.fatal]
    if fatal and not force:
        raise RunError(
            f"{', '.join(difference.name for difference in fatal)} changed, so this would be another "
            "run. Undo the change, start a new run, or resume anyway with --force."
        )
    if found:
        report("The run resumes, but its final weights may differ from those of an uninterrupted run.")
    return [str(difference) for difference in found]


def note_changes(run, texts, state):
    """Record in run.json that a run resumed from ``state`` with changes."""
    if not texts:
        return
    known = read_facts(run.folder).get("changes", [])
    when = {"epoch": state.epoch if state else 0, "step": state.step if state else 0}
    moment = datetime.now().isoformat(timespec="seconds")
    run.note(changes=[*known, {**when, "time": moment, "changed": texts}])


def finished_result(folder, facts):
    """Return the result in the facts of a run to repeat. Raises RunError if the run has none."""
    if "result" not in facts:
        raise RunError(f"{folder}: is not finished, so there is nothing to compare with; --resume it first.")
    return facts["result"]


def verdict(old_folder, facts, report):
    """Report whether a repetition gave equal weights, and what differs; return the exit code.

    facts: those of the repetition, with its result.
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
            report("They are equal although these differ:")
    else:
        report(f"Not equal: the weights have SHA-256 {ours[:16]}, those of {old_folder} {theirs[:16]}.")
        report("What differs:" if found else "None of the recorded ingredients differs.")
    for text in found:
        report(f"  {text}")
    return 0 if theirs == ours else NOT_EQUAL


def check_can_start(folder, facts, state):
    """Raise RunError if a run past its first epoch has no complete state: it must not start again."""
    if state is None and ("result" in facts or any(epoch > 1 for epoch in checkpoints(folder))):
        raise RunError(
            f"{folder}: has checkpoints, but no complete state to resume from; start a new run with "
            f"--weights {max(checkpoints(folder).values(), default='none')}."
        )
