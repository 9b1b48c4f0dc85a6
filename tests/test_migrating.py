"""Every claim of docs/migrating.md is held by a test that is named here, some of them below."""

import ast
import importlib
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mrcnn import utils

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")

LEAVES = "tests/programs/test_programs.py::test_leaves_train_their_heads_from_coco"
SPLASH = "tests/programs/test_programs.py::test_the_splash_keeps_colour_inside_masks_alone"
NUCLEI = "tests/programs/test_programs.py::test_nuclei_train_heads_then_all"
SHAPES = "tests/programs/test_programs.py::test_shapes_are_saved_by_hand_as_by_training"

# The beginning of a claim: the tests that hold it.
CLAIMS = {
    # What works unchanged
    "Every public name": [
        "tests/test_names.py::test_each_name_of_the_original_is_in_one_row",
        "tests/test_names.py::test_names_are_there_or_not_as_the_page_says",
        "tests/test_api.py::test_arguments",
        "tests/test_api.py::test_defaults",
        "tests/test_api.py::test_config",
        "tests/test_api.py::test_defaults_of_the_config",
    ],
    "Four programs": [
        LEAVES,
        SPLASH,
        NUCLEI,
        "tests/programs/test_programs.py::test_the_submission_decodes_to_the_masks",
        "tests/programs/test_programs.py::test_coco_trains_in_three_stages_with_crowds",
        SHAPES,
    ],
    "Weights files of matterport's code": [
        "tests/weights/test_layouts.py::test_matterport_files_load_by_name_and_are_written_alike",
        "tests/test_parity.py::test_features",
        "tests/test_parity.py::test_detect",
        "tests/modeling/test_normalization.py::test_between_the_two_layers_the_map_is_that_after_batch_norm",
    ],
    "`get_imagenet_weights()`": [
        "tests/weights/test_imagenet.py::test_load_weights_converts_a_resnet",
        "tests/weights/test_imagenet.py::test_features_are_those_of_keras_applications",
    ],
    "Files that this package writes": [
        "tests/weights/test_layouts.py::test_the_old_code_reads_what_either_graph_writes",
        "tests/weights/test_layouts.py::test_keras_reads_our_files_by_name",
        "tests/weights/test_door.py::test_matterports_layout_returns_from_training_to_inference",
    ],
    "`exclude=[...]`": ["tests/weights/test_door.py::test_the_four_names_that_programs_exclude", LEAVES],
    "Training in stages": [
        "tests/training/test_driver.py::test_matterports_train_counts_epochs_in_total",
        "tests/programs/test_programs.py::test_coco_trains_in_three_stages_with_crowds",
    ],
    "Logs and checkpoints": ["tests/training/test_run.py::test_names_are_matterports", LEAVES, SPLASH],
    '`keras_model.save_weights("file.h5")`': [SHAPES],
    "`run_graph`": [
        "tests/programs/test_programs.py::test_the_graph_gives_what_detection_gives",
        "tests/programs/test_programs.py::test_detections_of_molded_images_are_those_of_images",
        "tests/programs/test_programs.py::test_mini_masks_expand_to_the_masks",
        "tests/programs/test_programs.py::test_batches_of_random_rois_lead_to_the_gt",
        "tests/programs/test_programs.py::test_targets_of_the_rpn_lead_to_the_gt",
    ],
    "imgaug augmenters": [
        NUCLEI,
        "tests/pipeline/test_imgaug_adapter.py::test_image_and_masks_move_together",
        "tests/pipeline/test_imgaug_adapter.py::test_the_same_seed_gives_the_same_bytes_whatever_imgaugs_own",
    ],
    "With the launcher": [
        "tests/legacy/test_names.py::test_values",
        "tests/legacy/test_names.py::test_each_thing_touched_is_told_once",
        "tests/legacy/test_sessions.py::test_values",
        "tests/legacy/test_sessions.py::test_allow_growth_has_its_effect",
        "tests/legacy/test_pycocotools.py::test_a_perfect_detector_has_a_table_of_ones",
        "tests/legacy/test_launcher.py::test_a_notebooks_first_cell_does_the_same",
    ],
    "An old clone around": [
        "tests/legacy/test_old_clone.py::test_this_package_wins_over_an_old_clone",
        "tests/legacy/test_old_clone.py::test_in_its_root_the_launcher_has_another_name",
        "tests/legacy/test_old_clone.py::test_a_notebook_in_it_begins_with_that_name",
    ],
    "Servers": [
        "tests/test_model.py::test_molded_inputs_are_arrays_that_keras_model_takes",
        "tests/detection/test_threads.py::test_detections_of_four_threads_are_those_one_after_another",
    ],
    "Images resized": [
        "tests/pipeline/test_transforms.py::test_golden_resizing",
        "tests/pipeline/test_masks.py::test_golden_mini_masks",
    ],
    "AP by `compute_ap`": ["tests/evaluation/test_coco.py::test_golden_ap"],
    # What differs on purpose
    "An image without instances": [
        "tests/modeling/test_network.py::test_images_without_instances_train_as_background",
        "tests/programs/test_edges.py::test_an_epoch_of_edges_trains",
    ],
    "Each image occurs exactly once": ["tests/pipeline/test_loader.py::test_each_image_once_an_epoch"],
    "Weights that do not fit": [
        "tests/weights/test_door.py::test_a_file_of_another_network_needs_insistence",
        "tests/weights/test_named.py::test_a_layer_is_loaded_whole_or_not_at_all",
    ],
    "Heads of another class count": [
        "tests/weights/test_named.py::test_heads_of_another_class_count_start_anew_together"
    ],
    "Each image has its own active": [
        "tests/modeling/test_losses.py::test_each_image_has_its_own_active_classes"
    ],
    "`compute_matches`": ["tests/test_migrating.py::test_a_match_with_the_first_prediction_counts"],
    "`compute_overlaps_masks`": ["tests/evaluation/test_coco.py::test_overlaps_of_empty_and_no_masks"],
    "Padded ROIs": [
        "tests/modeling/test_targets.py::test_padded_proposals_are_not_sampled",
        "tests/modeling/test_targets.py::test_positives_come_first",
    ],
    "`detect` takes": ["tests/test_parity.py::test_any_number_of_images_of_any_sizes"],
    "`load_image` of the base class turns": [
        "tests/datasets/test_orientation.py::test_the_size_of_their_masks_decides",
        "tests/datasets/test_orientation.py::test_so_does_the_size_in_image_info",
    ],
    "A resized mask": [
        "tests/pipeline/test_masks.py::test_resized_masks_are_matterports_but_for_a_pixel_at_edges",
        "tests/pipeline/test_masks.py::test_half_a_pixel_is_inside",
    ],
    "A class id that the data set does not have": [
        "tests/pipeline/test_loading.py::test_wrong_masks_are_a_sentence_in_training_evaluation_and_check",
    ],
    "An unreadable image": ["tests/training/test_driver.py::test_an_unreadable_image_stops_with_its_name"],
    "Wrong settings": [
        "tests/training/test_driver.py::test_what_cannot_be_trained_is_said_before_the_first_step",
        "tests/test_model.py::test_the_wrong_mode_says_which_is_needed",
    ],
    "A misspelt name": ["tests/test_config.py::test_a_misspelt_override_warns_with_the_nearest_name"],
    "An absurd box": [
        "tests/ops/test_boxes.py::test_bound_on_sizes_keeps_decoding_finite",
        "tests/modeling/test_detections.py::test_proposals_of_exploding_deltas_are_finite",
    ],
    "All randomness": [
        "tests/commands/test_train.py::test_a_run_is_repeated_to_the_last_bit_by_any_number_of_workers",
        "tests/pipeline/test_loader.py::test_a_batch_depends_on_seed_and_number_alone",
    ],
    "Weights files carry": [
        "tests/test_model.py::test_weights_keep_their_classes_and_settings",
        "tests/training/test_driver.py::test_checkpoints_know_their_classes_epoch_and_settings",
    ],
    "Of a run's checkpoints": [
        "tests/training/test_callbacks.py::test_the_last_and_the_best_checkpoints_are_kept"
    ],
    "Beside the checkpoints": [
        "tests/commands/test_train.py::test_a_run_leaves_everything_in_its_folder",
        "tests/training/test_callbacks.py::test_event_files_hold_the_numbers",
    ],
    "An epoch is one printed line": ["tests/training/test_callbacks.py::test_progress_is_a_line_an_epoch"],
    # To the new interface: the old thing of each row
    "`class BalloonConfig(Config): ...`": [
        "tests/test_config.py::test_yaml_overrides",
        "tests/test_config.py::test_bad_yaml_names_the_file_and_the_fault",
        "tests/pumpkin/test_config.py::test_settings_stand_above_the_file",
    ],
    "`NUM_CLASSES = 1 + 1`": ["tests/pumpkin/test_config.py::test_classes_decide_the_class_count"],
    "`model.train(": ["tests/training/test_driver.py::test_each_stage_trains_its_layers_alone"],
    "`balloon.py train --weights=coco`": ["tests/test_migrating.py::test_commands_have_their_options"],
    "`balloon.py train --weights=last`": ["tests/test_migrating.py::test_commands_have_their_options"],
    '`exclude=["mrcnn_class_logits"': [
        "tests/commands/test_train.py::test_heads_of_another_class_count_start_anew_and_it_is_told"
    ],
    "`model.find_last()`": ["tests/commands/test_detect.py::test_a_folder_with_weights_of_the_newest_run"],
    "`class_names = ": ["tests/test_model.py::test_class_names_come_with_the_class_head_alone"],
    "`compute_ap` over images": ["tests/commands/test_evaluate.py::test_a_perfect_model_scores_one"],
    "`display_instances` over": ["tests/commands/test_detect.py::test_masks_are_those_of_the_model"],
    "`augmentation=": ["tests/pipeline/test_augment.py::test_presets_by_name"],
    "`np.random.seed": [
        "tests/commands/test_train.py::test_a_run_is_repeated_to_the_last_bit_by_any_number_of_workers"
    ],
    "`keras_model.save_weights(path)`": ["tests/test_model.py::test_weights_keep_their_classes_and_settings"],
}


def claims():
    """The text of each bullet, and of each table row the first cell."""
    bullets = re.findall(r"^- (.*(?:\n  .*)*)", PAGE, re.MULTILINE)
    rows = re.findall(r"^\| (.*?) \| ", PAGE, re.MULTILINE)
    return [re.sub(r"\s+", " ", text) for text in [*bullets, *rows] if text != "old"]


@cache
def names_in(path):
    return {
        node.name
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_claim_is_accounted_for():
    unknown = [text for text in claims() if sum(text.startswith(start) for start in CLAIMS) != 1]
    assert not unknown
    gone = [start for start in CLAIMS if not any(text.startswith(start) for text in claims())]
    assert not gone


@pytest.mark.parametrize("claim", CLAIMS)
def test_its_tests_exist(claim):
    assert CLAIMS[claim]
    for test in CLAIMS[claim]:
        path, name = test.split("::")
        assert name in names_in(path), test


def test_commands_have_their_options(capsys):
    commands = re.findall(r"python (scripts/\w+\.py)([^`\n]*)", PAGE)
    assert len(commands) >= 4
    for script, words in commands:
        door = (ROOT / script).read_text(encoding="utf-8")
        command = re.search(r'main\(\["(\w+)"', door)[1]
        with pytest.raises(SystemExit):
            importlib.import_module(f"pumpkin.commands.{command}").parse(["--help"])
        text = capsys.readouterr().out
        for option in re.findall(r"--[\w-]+", words):
            assert re.search(rf"{option}\b", text), f"{script} {option}"


def test_settings_and_links_exist():
    from pumpkin.config import PumpkinConfig

    for name in re.findall(r"`([A-Z_]{4,}): ", PAGE):
        assert name in PumpkinConfig.names()
    for link in re.findall(r"\]\(([\w./-]+)\)", PAGE):
        assert (ROOT / "docs" / link).exists()


def test_the_page_is_short():
    assert len(PAGE.splitlines()) < 120


def test_a_match_with_the_first_prediction_counts():
    box, one = np.array([[2, 2, 8, 8]]), np.array([1])
    mask = np.zeros((10, 10, 1), bool)
    mask[2:8, 2:8] = True
    gt_match, pred_match, _ = utils.compute_matches(box, one, mask, box, one, np.array([0.9]), mask)
    assert gt_match.tolist() == pred_match.tolist() == [0]
    mean_ap, *_ = utils.compute_ap(box, one, mask, box, one, np.array([0.9]), mask)
    assert mean_ap == 1
