"""Time a training step of torchvision's Mask R-CNN, to compare with train_step.py.

    python benchmarks/torchvision_step.py --rois 200

It needs only torch and torchvision, which this project does not require: run it with the Python of a separate
environment. The network is ResNet-50 with fixed batch norm, as in train_step.py. --rois is the number of ROIs
per image that train the heads: 512 in torchvision, 200 in matterport's Config.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torchvision
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import discs


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--classes", type=int, default=81)
    parser.add_argument("--rois", type=int, default=512, help="ROIs per image that train the heads (512)")
    parser.add_argument("--bf16", action="store_true", help="use torch's autocast to bfloat16")
    parser.add_argument("--runs", type=int, default=5, help="steps to measure (5)")
    parser.add_argument("--warm-up", type=int, default=2, help="steps before these (2)")
    args = parser.parse_args(argv)
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    seconds = steps(network(args).to(device), args, device)
    print(
        f"torchvision {torchvision.__version__}, resnet50 at {args.size}, {args.batch} images per batch, "
        f"{args.rois} ROIs, {'bfloat16' if args.bf16 else 'float32'}, {device}: "
        f"{statistics.median(seconds):.3g} s ({min(seconds):.3g} to {max(seconds):.3g})"
    )


def network(args):
    backbone = resnet_fpn_backbone(backbone_name="resnet50", weights=None, trainable_layers=5)
    sizes = {"min_size": args.size, "max_size": args.size}
    return MaskRCNN(backbone, args.classes, **sizes, box_batch_size_per_image=args.rois).train()


def steps(model, args, device):
    """Return the seconds of each measured step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9, weight_decay=0.0001)
    images, targets = batch(args, device)
    ends = [time.perf_counter()]
    for _ in range(args.warm_up + args.runs):
        with torch.autocast(device, torch.bfloat16, enabled=args.bf16):
            loss = sum(model(images, targets).values())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        loss.item()  # waits for the device
        ends.append(time.perf_counter())
    return np.diff(ends)[args.warm_up :].tolist()


def batch(args, device):
    images, targets = [], []
    for number in range(args.batch):
        image, masks, ids = discs.draw(number, args.size, args.classes)
        images.append(torch.from_numpy(image).permute(2, 0, 1).float().div(255).to(device))
        masks = torch.from_numpy(masks).permute(2, 0, 1).to(torch.uint8)
        target = {"boxes": torchvision.ops.masks_to_boxes(masks), "labels": torch.from_numpy(ids)}
        targets.append({name: value.to(device) for name, value in {**target, "masks": masks}.items()})
    return images, targets


if __name__ == "__main__":
    main()
