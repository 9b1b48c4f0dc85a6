"""Lobed solids of revolution, and ray marching to their surface.

In its own frame a solid has the radius ``R(c, phi) = profile(c) - depth(c) * groove(phi)``, where c is the
cosine of the angle from its axis (1 at the stem) and phi the azimuth around it. It is then squashed along the
axis by ``aspect`` and rotated by ``rotation``. Pumpkins, balls, apples and stones are all such solids.

P: number of pixels of a sprite. Vectors over pixels are [3, P] float32.
"""

import math
from dataclasses import dataclass, field

import numpy as np

TABLE = 2048
_STEPS = 200  # most rays need ten; rays that graze a lobe need more, or holes appear behind it
_RELAX = 0.6  # step as a share of the gap, because the gap is not quite a distance
_CLOSE = 2e-3  # gap in radii at which a ray has met the surface
_STRIDE = 5e-3  # smallest step in radii of a ray that has not met it


def squared_length(vectors):
    """Return the squared lengths [P] of vectors [3, P]; this is faster than a sum over the first axis."""
    return vectors[0] * vectors[0] + vectors[1] * vectors[1] + vectors[2] * vectors[2]


@dataclass
class Sprite:
    """The pixels of one rendered thing, before lighting.

    rows, columns [P] int32: canvas pixels; some may lie outside the canvas. depth [P]: distance from the
    camera relative to the thing's centre, in pixels. position, normal, albedo [3, P]. ambient [P]: 1 on open
    surfaces, less in grooves. gloss [P]: strength of the highlight.
    """

    rows: np.ndarray
    columns: np.ndarray
    depth: np.ndarray
    position: np.ndarray
    normal: np.ndarray
    albedo: np.ndarray
    ambient: np.ndarray
    gloss: np.ndarray

    def take(self, keep):
        """Return the sprite of the pixels selected by ``keep``, a boolean array or an index."""
        return Sprite(*(getattr(self, name)[..., keep] for name in self.__dataclass_fields__))

    @staticmethod
    def join(sprites):
        """Join the pixels of several sprites into one sprite."""
        names = Sprite.__dataclass_fields__
        return Sprite(*(np.concatenate([getattr(s, name) for s in sprites], axis=-1) for name in names))


@dataclass
class Hits:
    """The points where rays meet a solid.

    right, up, depth [P]: offsets from its centre along the camera's axes, in canvas pixels. cosine, azimuth
    [P]: position on the surface. crease [P]: 0 on a lobe's crest, 1 in a groove. normal [3, P]: in world
    axes.
    """

    right: np.ndarray
    up: np.ndarray
    depth: np.ndarray
    cosine: np.ndarray
    azimuth: np.ndarray
    crease: np.ndarray
    normal: np.ndarray


@dataclass
class Solid:
    """The shape of a lobed solid, as the module's docstring defines it.

    profile, depth: TABLE entries over c in -1..1. groove: TABLE entries over phi in -pi..pi.
    """

    aspect: float = 1.0
    rotation: np.ndarray = field(default_factory=lambda: np.eye(3, dtype=np.float32))
    profile: np.ndarray = field(default_factory=lambda: np.ones(TABLE, np.float32))
    depth: np.ndarray = field(default_factory=lambda: np.zeros(TABLE, np.float32))
    groove: np.ndarray = field(default_factory=lambda: np.zeros(TABLE, np.float32))

    def half_height(self):
        """Return the height of its centre above the ground, in radii of the spheroid without lobes."""
        radii = np.array([1, self.aspect, 1], np.float32)
        return float(np.linalg.norm(radii * self.rotation[:, 1]))

    def half_width(self):
        """Return half of its extent along X, in radii."""
        radii = np.array([1, self.aspect, 1], np.float32)
        return float(np.linalg.norm(radii * self.rotation[:, 0]))

    def pole(self):
        """Return the point (X, Y, Z) where the stem begins, relative to the centre, in radii."""
        return self.rotation[1] * np.float32(self.aspect * self.profile[-1])

    def march(self, view, radius, shift):
        """March rays through the canvas pixels to the surface; return the Hits.

        radius: in canvas pixels. shift: (column, row) offset of the centre within its pixel. Rays start on
        the hull and step towards the surface by a share of the implicit function |q| - R(q). Rays that leave
        the hull miss the solid.
        """
        squash = self.rotation / (radius * np.array([[1], [self.aspect], [1]], np.float32))
        right, up, forward = squash @ view.right, squash @ view.up, squash @ view.forward
        u, v = _pixel_grid(self, view, radius, shift)
        start = right[:, None] * u + up[:, None] * v  # [3, P]
        length2 = float(forward @ forward)
        along = (forward @ start) / length2
        inside = length2 * (along * along) - squared_length(start) + 1.0  # the discriminant
        hit = inside > 0
        u, v, start, along, inside = u[hit], v[hit], start[:, hit], along[hit], inside[hit]
        reach = np.sqrt(inside / length2)
        t, last = -along - reach, -along + reach
        found = self._descend(start, forward, t, last, 1 / math.sqrt(length2))
        u, v, t = u[found], v[found], t[found]
        q = start[:, found] + forward[:, None] * t
        cosine, azimuth, crease, gradient = self._surface(q)
        normal = squash.T @ gradient
        normal /= np.sqrt(squared_length(normal))
        return Hits(u, v, t, cosine, azimuth, crease, normal.astype(np.float32))

    def _descend(self, start, forward, t, last, unit):
        """Advance ``t`` along the rays in place; return which rays met the surface."""
        found = np.zeros(t.size, bool)
        active = np.arange(t.size)
        for _ in range(_STEPS):
            q = start[:, active] + forward[:, None] * t[active]
            gap = self._gap(q)
            found[active[gap < _CLOSE]] = True
            step = np.where(gap < _CLOSE, _RELAX * gap, np.maximum(_RELAX * gap, _STRIDE))
            t[active] += np.float32(unit) * step
            active = active[(np.abs(gap) >= 0.1 * _CLOSE) & (t[active] < last[active])]
            if not active.size:
                break
        return found

    def _gap(self, q):
        size = np.sqrt(squared_length(q))
        c, a = self._entries(q, size)
        return size - (self.profile[c] - self.depth[c] * self.groove[a])

    def _entries(self, q, size):
        cosine = np.clip(q[1] / np.maximum(size, 1e-6), -1, 1)
        azimuth = np.arctan2(q[2], q[0])
        half = np.float32((TABLE - 1) / 2)
        return (
            np.rint((cosine + 1) * half).astype(np.int32),
            np.rint((azimuth * np.float32(1 / math.pi) + 1) * half).astype(np.int32),
        )

    def _surface(self, q):
        """Return cosine, azimuth, crease [P] and the gradient [3, P] of |q| - R(q) at points q [3, P]."""
        size = np.sqrt(squared_length(q))
        c, a = self._entries(q, size)
        step_c, step_a = 2 / (TABLE - 1), 2 * math.pi / (TABLE - 1)
        slope_c = np.gradient(self.profile, step_c)[c] - np.gradient(self.depth, step_c)[c] * self.groove[a]
        slope_a = -self.depth[c] * np.gradient(self.groove, step_a)[a]
        q_unit = q / size
        cosine = q_unit[1]
        around = np.maximum(q[0] * q[0] + q[2] * q[2], 1e-4)
        gradient = q_unit + slope_c * cosine * q_unit / size
        gradient[1] -= slope_c / size
        gradient[0] += slope_a * q[2] / around
        gradient[2] -= slope_a * q[0] / around
        deepest = max(float(self.depth.max()), 1e-6)
        crease = self.groove[a] * np.minimum(1, self.depth[c] / (0.5 * deepest))
        return cosine, np.arctan2(q[2], q[0]), crease, gradient


def _pixel_grid(solid, view, radius, shift):
    """Return the offsets (right, up) of the pixel centres around a solid's centre, [P] each."""
    radii = np.array([1, solid.aspect, 1], np.float32)[:, None] * solid.rotation
    wide = math.ceil(radius * float(np.linalg.norm(radii @ view.right))) + 2
    tall = math.ceil(radius * float(np.linalg.norm(radii @ view.up))) + 2
    columns, rows = np.arange(-wide, wide + 1), np.arange(-tall, tall + 1)
    u, v = np.meshgrid((columns - shift[0]).astype(np.float32), -(rows - shift[1]).astype(np.float32))
    return u.ravel(), v.ravel()


def turn(yaw, tilt, heading):
    """Return the rotation [3, 3] from the world to a solid's frame: yaw around its axis, then lean by tilt.

    heading: direction of the lean on the ground: 0 is to the right, pi / 2 away. All angles are in radians.
    """

    def about_y(angle):
        c, s = math.cos(angle), math.sin(angle)
        return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])

    c, s = math.cos(tilt), math.sin(tilt)
    lean = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    to_world = about_y(-heading) @ lean @ about_y(heading) @ about_y(yaw)
    return np.ascontiguousarray(to_world.T.astype(np.float32))
