"""Train torchvision's Mask R-CNN on a COCO data set, and write what it detects in another one.

    python benchmarks/torchvision_training.py TRAIN ASIDE --minutes 30 --weights FILE --out detections.json

It needs torch and torchvision beside this project's packages: run it with the Python of a separate
environment. The backbone is MobileNetV2 with Keras's ImageNet weights, so that both tools start from the same
features. Minutes are processor time divided by --cores: other work on the machine does not shorten them. The
recipe is that of torchvision's references (SGD, warm-up, flips) with a cosine schedule over the steps that
the minutes allow; --optimizer adamw takes this project's optimiser and rate instead.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import torch
import torchvision
from torch import nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.ops import FrozenBatchNorm2d

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone, not installed

from mrcnn.datasets.formats import open_dataset
from mrcnn.detection.results import coco_results
from mrcnn.pipeline.loading import load_image, load_masks

TAPS = {"3": "0", "6": "1", "13": "2", "18": "3"}  # the last blocks of the strides 4, 8, 16 and 32
CHANNELS = (24, 32, 96, 1280)
ANCHORS = ((16,), (32,), (64,), (128,), (256,))  # as in configs/photos_small.yaml
EPSILON = 1e-3  # of the batch norm of keras.applications
TIMED = 5  # steps whose mean decides the number of steps


def main(argv=None):
    args = parse(argv)
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.cores)
    train, aside = (open_dataset("coco", path, None) for path in (args.train, args.aside))
    model = network(train.num_classes, args)
    steps = fit(model, train, args)
    minutes = time.process_time() / args.cores / 60
    results = detect(model.eval(), aside)
    args.out.write_text(json.dumps({"results": results}))
    print(json.dumps({"steps": steps, "minutes": round(minutes, 2)}))


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("aside", type=Path)
    parser.add_argument(
        "--weights", required=True, help="MobileNetV2's, without its top, of keras.applications"
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--optimizer", choices=("sgd", "adamw"), default="sgd")
    parser.add_argument("--rate", type=float, help="learning rate (0.005 for SGD, 0.001 for AdamW)")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(argv)


def network(classes, args):
    """Return torchvision's Mask R-CNN on MobileNetV2 with a pyramid."""
    features = torchvision.models.mobilenet_v2(weights=None, norm_layer=_norm).features
    pad_like_keras(features)
    load_keras(features, args.weights)
    backbone = BackboneWithFPN(features, TAPS, list(CHANNELS), 256)
    anchors = torchvision.models.detection.rpn.AnchorGenerator(ANCHORS, ((0.5, 1.0, 2.0),) * len(ANCHORS))
    return MaskRCNN(
        backbone, classes, min_size=args.size, max_size=args.size, rpn_anchor_generator=anchors,
        image_mean=[0.5] * 3, image_std=[0.5] * 3,
    )  # fmt: skip


def _norm(channels):
    return FrozenBatchNorm2d(channels, eps=EPSILON)


def pad_like_keras(features):
    """Pad convolutions of stride 2 below and to the right alone, as Keras does for even sizes."""
    for module in list(features.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv2d) and child.stride == (2, 2):
                child.padding = (0, 0)
                setattr(module, name, nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), child))


def load_keras(features, path):
    """Load a weights file of Keras 3: layers of a kind have the same order in torchvision."""
    modules = list(features.modules())
    convolutions = [module for module in modules if isinstance(module, nn.Conv2d)]
    kinds = {
        "conv2d": [layer for layer in convolutions if layer.groups == 1],
        "depthwise_conv2d": [layer for layer in convolutions if layer.groups > 1],
        "batch_normalization": [module for module in modules if isinstance(module, FrozenBatchNorm2d)],
    }
    with h5py.File(path) as file, torch.no_grad():
        for kind, layers in kinds.items():
            for number, layer in enumerate(layers):
                group = file["layers"][f"{kind}_{number}" if number else kind]["vars"]
                _set(layer, kind, [group[key][()] for key in sorted(group)])


def _set(layer, kind, arrays):
    if kind == "batch_normalization":
        for name, value in zip(("weight", "bias", "running_mean", "running_var"), arrays):
            getattr(layer, name).copy_(torch.from_numpy(value))
        return
    kernel = arrays[0].transpose((2, 3, 0, 1) if kind == "depthwise_conv2d" else (3, 2, 0, 1))
    layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))


def fit(model, dataset, args):
    """Train for the minutes and return the number of steps."""
    rates = {"sgd": 0.005, "adamw": 0.001}
    rate = rates[args.optimizer] if args.rate is None else args.rate
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = (
        torch.optim.SGD(weights, rate, momentum=0.9, weight_decay=1e-4)
        if args.optimizer == "sgd"
        else torch.optim.AdamW(weights, rate, weight_decay=0.05)
    )
    batches, total, seconds = endless(dataset, args), 10**9, []
    model.train()
    step = 0
    while step < total:
        begun = time.process_time()
        for group in optimizer.param_groups:
            group["lr"] = rate * _factor(step, total)
        losses = model(*next(batches))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(weights, 5.0)
        optimizer.step()
        step += 1
        seconds.append(time.process_time() - begun)
        if step == 1 + TIMED:
            left = 60 * args.minutes * args.cores - time.process_time()
            total = step + max(0, int(left / (sum(seconds[1:]) / TIMED)))
            print(f"{total} steps of {args.batch} images", flush=True)
        if step % 50 == 0:
            print(f"step {step}: " + ", ".join(f"{k} {v:.3f}" for k, v in losses.items()), flush=True)
    return step


def _factor(step, total, warm_up=50):
    """Return the share of the learning rate: linear warm-up, then a cosine to zero."""
    return min(1.0, (step + 1) / warm_up) * 0.5 * (1 + math.cos(math.pi * min(step / total, 1.0)))


def endless(dataset, args):
    """Yield (images, targets) of batches: each image once per pass, flipped or not by chance."""
    rng, waiting = np.random.default_rng(args.seed), []
    while True:
        while len(waiting) < args.batch:
            waiting += rng.permutation(len(dataset.image_ids)).tolist()
        chosen, waiting = waiting[: args.batch], waiting[args.batch :]
        yield tuple(zip(*(example(dataset, image_id, rng.random() < 0.5) for image_id in chosen)))


def example(dataset, image_id, flip):
    """Return an image [3, H, W] and the target of torchvision's network."""
    image = load_image(dataset, image_id, channels=3)
    masks, class_ids = load_masks(dataset, image_id)
    masks, class_ids = masks[..., class_ids > 0], class_ids[class_ids > 0]
    if flip:
        image, masks = image[:, ::-1], masks[:, ::-1]
    masks = torch.from_numpy(np.ascontiguousarray(masks.transpose(2, 0, 1)).astype(np.uint8))
    keep = masks.flatten(1).bool().any(1)
    boxes = torchvision.ops.masks_to_boxes(masks[keep])
    boxes[:, 2:] += 1  # it names the last pixel, and a box needs area
    labels = torch.from_numpy(class_ids.astype(np.int64))[keep]
    return pixels(image), {"boxes": boxes.reshape(-1, 4), "labels": labels, "masks": masks[keep]}


def pixels(image):
    """Return an image [H, W, 3] uint8 as torchvision's networks take it."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255


@torch.no_grad()
def detect(model, dataset):
    """Return COCO results for all images of a data set."""
    found = []
    for image_id in map(int, dataset.image_ids):
        (result,) = model([pixels(load_image(dataset, image_id, channels=3))])
        result = {name: value.numpy() for name, value in result.items()}
        detections = {
            "rois": result["boxes"][:, [1, 0, 3, 2]], "class_ids": result["labels"],
            "scores": result["scores"], "masks": (result["masks"][:, 0] >= 0.5).transpose(1, 2, 0),
        }  # fmt: skip
        found += coco_results(image_id, detections)
    return found


if __name__ == "__main__":
    main()
