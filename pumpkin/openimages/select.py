"""Choose the files to download: the zips' directories list the masks, and masks determine the images."""

from collections import defaultdict
from functools import partial

from mrcnn.datasets.mask_files import NAME_FORM
from pumpkin.openimages import catalog, layout
from pumpkin.openimages.boxes import NoRow, load_boxes
from pumpkin.openimages.errors import Absent, NetworkError, Offline
from pumpkin.openimages.plan import ImageFile, MaskFile, Plan, subset
from pumpkin.openimages.shards import Shard

AT_ONCE = 4  # directories in memory at once; that of a train zip has about 16 MB


class Selection:
    """The shards of a choice, and the members of its classes in them. ``client`` may be offline."""

    def __init__(self, client, bases, choice, metadata):
        self.client, self.bases, self.choice, self.metadata = client, bases, choice, metadata
        self.keys = [one.key for one in choice.classes]
        self.shards = {
            (split, catalog.shard_path(split, shard)): Shard(
                client,
                bases.file(catalog.shard_path(split, shard)),
                catalog.shard_path(split, shard),
                metadata,
            )
            for split in choice.splits
            for shard in catalog.SHARDS
        }
        self.members, self.unread, self.absent = {}, [], []

    def probe(self):
        """Find the directories that are already known, and request the sizes of the others.

        Raises NetworkError if the server has none of the zips.
        """
        for place, shard in self.shards.items():
            members = shard.load_note(self.keys)
            if members is None:
                self.unread.append(place)
            else:
                self.members[place] = members
        self.client.each(self._probe, list(self.unread), len(catalog.SHARDS))
        self.absent.sort(key=list(self.shards).index)
        self.unread = [place for place in self.unread if place not in self.absent]
        if self.absent and not self.unread and not self.members:
            raise NetworkError(
                f"{self.bases.annotations} has none of the zips of masks, the first of which is "
                f"{self.absent[0][1]}; check the base address (--annotations-url)."
            )

    def _probe(self, place):
        try:
            self.shards[place].probe()
        except Offline:
            raise
        except Absent:
            self.absent.append(place)

    @property
    def directory_bytes(self):
        """Bytes of the directories that must still be read."""
        return sum(self.shards[place].directory_bytes for place in self.unread)

    def read(self, on_bytes=lambda count: None):
        """Read the directories that are not yet known, and keep their members of the chosen classes."""
        self.client.each(partial(self._read, on_bytes), self.unread, AT_ONCE)
        self.unread = []

    def _read(self, on_bytes, place):
        shard = self.shards[place]
        members = shard.scan(self.keys, on_bytes)
        shard.save_note(self.keys, members)
        self.members[place] = members

    def plan(self, on_bytes=lambda count: None):
        """Return the Plan of the choice; for crowds, this streams the tables of boxes."""
        plan = Plan(self.choice, missing_sources=[path for _, path in self.absent])
        masks = self._masks(plan)
        for split in self.choice.splits:
            by_image = defaultdict(list)
            for mask in masks:
                if mask.split == split:
                    by_image[mask.image_id].append(mask)
            chosen = self._choose(by_image)
            for image_id in sorted(chosen):
                mids = tuple(sorted({mask.mid for mask in by_image[image_id]}))
                plan.images.append(ImageFile(split, image_id, mids))
                plan.masks.extend(sorted(by_image[image_id], key=lambda mask: mask.member.name))
        for mask in plan.masks:
            plan.sources[mask.shard] = self.shards[mask.split, mask.shard].facts
        try:
            load_boxes(self.client, self.bases, plan, self.metadata / "rows", on_bytes)
        except NoRow:
            for mask in plan.masks:  # the names of the masks may be what is wrong
                self.shards[mask.split, mask.shard].forget()
            raise
        return plan

    def _choose(self, by_image):
        """Choose the ids of a split's images, up to the limit for each class."""
        chosen = set()
        for one in self.choice.classes:
            showing = [name for name, masks in by_image.items() if any(m.mid == one.mid for m in masks)]
            chosen.update(subset(showing, self.choice.limit, self.choice.seed))
        return chosen

    def _masks(self, plan):
        """Return the MaskFiles of the classes; unexpected names are recorded in plan.refused."""
        mids, masks, seen = {one.key: one.mid for one in self.choice.classes}, [], set()
        for (split, path), members in sorted(self.members.items()):
            for member in members:
                name = layout.MASK_NAME.fullmatch(member.name)
                if not name:
                    plan.refused[f"{path}: {member.name}"] = f"its name is not {NAME_FORM}"
                elif name["mid"] in mids and (split, member.name) not in seen:
                    seen.add((split, member.name))
                    mid = mids[name["mid"]]
                    masks.append(MaskFile(split, path, name["image"], mid, name["box"], member))
        return masks
