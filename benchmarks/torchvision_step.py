"""The training step of torchvision's Mask R-CNN, to set beside train_step.py's.

    python benchmarks/torchvision_step.py [--backbone resnet50] [--size 512] [--batch 2]

torchvision is no requirement of this project: run it by an interpreter that has it. The network is that of
torchvision's builder with its defaults and 91 classes, frozen batch norm, random weights and all layers
trained: 512 ROIs an image in the box head and 256 channels in the RPN, where the default Config has 200 and
512. Instances are discs as in train_step.py.
"""

import argparse
import statistics
import time

import numpy as np
import torch
import torchvision
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--runs", type=int, default=7, help="steps that count (7)")
    args = parser.parse_args(argv)
    torch.manual_seed(0)
    backbone = resnet_fpn_backbone(
        backbone_name=args.backbone, weights=None, trainable_layers=5,
        norm_layer=torchvision.ops.FrozenBatchNorm2d,
    )  # fmt: skip
    model = MaskRCNN(backbone, num_classes=91, min_size=args.size, max_size=args.size).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5, momentum=0.9)
    images, targets = batch(args.size, args.batch)
    seconds = []
    for _ in range(args.runs + 2):
        start = time.perf_counter()
        losses = model(images, targets)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    seconds = seconds[2:]
    print(
        f"torchvision {torchvision.__version__}, {args.backbone} at {args.size}, {args.batch} a batch:",
        end=" ",
    )
    print(f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})")


def batch(side, count, instances=12):
    """Random images, and discs on them as targets."""
    images, targets = [], []
    y, x = np.mgrid[:side, :side]
    for number in range(count):
        rng = np.random.default_rng(number)
        images.append(torch.from_numpy(rng.random((3, side, side), np.float32)))
        centers = rng.uniform(0.1, 0.9, (instances, 2)) * side
        radii = rng.uniform(0.03, 0.15, instances) * side
        masks = np.stack([(y - cy) ** 2 + (x - cx) ** 2 < r**2 for (cy, cx), r in zip(centers, radii)])
        masks = torch.from_numpy(masks.astype(np.uint8))
        boxes = torchvision.ops.masks_to_boxes(masks) + torch.tensor([0.0, 0.0, 1.0, 1.0])
        labels = torch.from_numpy(rng.integers(1, 91, instances))
        targets.append({"boxes": boxes, "labels": labels, "masks": masks})
    return images, targets


if __name__ == "__main__":
    main()
