"""Each name and argument of old programs, by its value: one program evaluates them all."""

import numpy as np
import pytest
from PIL import Image

from mrcnn.legacy import skimage
from mrcnn.supplied import numpy_names
from tests.legacy.launching import evaluate, hiding

PRELUDE = """
    import collections, datetime, fractions, inspect, random, time
    import matplotlib.cm
    from matplotlib import cm
    import numpy as np
    import scipy.misc, scipy.ndimage
    import skimage.color, skimage.draw, skimage.feature, skimage.filter, skimage.filters, skimage.io
    import skimage.measure, skimage.morphology, skimage.restoration, skimage.segmentation, skimage.transform
    import skimage.util
    from skimage.external import tifffile
    from PIL import Image, ImageDraw, ImageFont
    font = ImageFont.load_default()
    drawing = ImageDraw.Draw(Image.new("L", (90, 40)))
    def seeded(value):
        random.seed(value)
        return random.random()
    spots = np.zeros((6, 6), bool)
    spots[0, 0] = spots[1, 1] = spots[3:6, 3:6] = True
    hole = ~spots
    ramp = np.arange(64.0).reshape(8, 8) / 64
    colours = np.stack([ramp, ramp.T, ramp], axis=2)
    peak = np.pad([[1.0]], 2)
    def counted(**options):
        changed = spots.copy()
        result = skimage.morphology.remove_small_objects(changed, 4, **options)
        return int(result.sum()), int(changed.sum())
"""

NUMPY = {
    "np.int(3.7)": 3,
    "np.float('0.5')": 0.5,
    "np.complex(1, 2).imag": 2,
    "np.object is object": True,
    "np.str(5)": "5",
    "np.unicode(5)": "5",
    "np.zeros(1, np.bool).dtype.name": "bool",
    "np.long(3) + 1": 4,
    "np.float_(2).dtype.name": "float64",
    "np.complex_(2).dtype.name": "complex128",
    "np.cfloat(2).dtype.name": "complex128",
    "np.singlecomplex(2).dtype.name": "complex64",
    "np.longfloat is np.longdouble": True,
    "np.string_ is np.bytes_": True,
    "np.unicode_ is np.str_": True,
    "[np.Inf, np.Infinity, np.infty, np.PINF, -np.NINF] == 5 * [np.inf]": True,
    "bool(np.isnan(np.NaN) and np.isnan(np.NAN))": True,
    "bool(np.alltrue([1, 0]))": False,
    "bool(np.sometrue([1, 0]))": True,
    "np.product([2, 3, 4])": 24,
    "np.cumproduct([2, 3, 4])": [2, 6, 24],
    "np.round_(2.345, 1)": 2.3,
    "np.rank([[1, 2]])": 2,
    "np.row_stack([[1], [2]])": [[1], [2]],
    "np.trapz([0, 2])": 1.0,
    "np.mat('1 2') * np.mat('3; 4')": [[11]],
    "np.issubclass_(bool, int)": True,
    "np.issubsctype(np.int8, np.integer)": True,
    "np.safe_eval('[1, 2]')": [1, 2],
    "np.asfarray([1, 2]).dtype.name": "float64",
    "np.asfarray([1, 2], np.float32).dtype.name": "float32",
    "np.asfarray([1, 2], np.int8).dtype.name": "float64",
    "np.asscalar(np.array([7]))": 7,
    "np.find_common_type([np.float32], [np.int64]).name": "float32",
    "np.find_common_type([np.int32], [np.float64]).name": "float64",
    "np.find_common_type([np.int8, np.uint8], []).name": "int16",
    "np.find_common_type([], [np.int8]).name": "int8",
    "np.in1d([[1, 2], [3, 1]], [1])": [True, False, False, True],
    "np.in1d([1, 2], [1], invert=True)": [False, True],
    "np.msort(np.array([[3, 1], [2, 5]]))": [[2, 1], [3, 5]],
    "np.float16 in np.sctypes['float'] and np.int64 in np.sctypes['int']": True,
    "{key: len(types) for key, types in np.sctypes.items()}": {
        "int": 4, "uint": 4, "float": 4, "complex": 3, "others": 5,
    },
    "np.nonsense": "AttributeError(\"module 'numpy' has no attribute 'nonsense'\")",
}  # fmt: skip

SCIPY = {
    "scipy.misc.imread('colours.png')[1]": [[0, 0, 9], [255, 8, 7]],
    "scipy.misc.imread('palette.gif').shape": [2, 2, 3],
    "scipy.misc.imread('bits.png')": [[255, 0], [0, 255]],
    "scipy.ndimage.imread('colours.png', mode='L').shape": [2, 2],
    "scipy.ndimage.imread('colours.png', flatten=True)[1, 0]": pytest.approx(9 * 0.114, abs=0.01),
    "scipy.misc.bytescale(np.array([[0.0, 0.5], [1.0, 0.25]]))": [[0, 128], [255, 64]],
    "scipy.misc.bytescale(np.array([-1, 1, 3]), cmin=0, cmax=2, high=100, low=50)": [50, 75, 100],
    "scipy.misc.bytescale(np.full(2, 7))": [0, 0],
    "scipy.misc.bytescale(np.array([7, 9], np.uint8))": [7, 9],
    "scipy.misc.imresize(np.uint8([[0, 100], [0, 100]]), (2, 4))": 2 * [[0, 25, 75, 100]],
    "scipy.misc.imresize(np.uint8([[0, 100], [0, 100]]), 200, interp='nearest')": 4 * [[0, 0, 100, 100]],
    "scipy.misc.imresize(np.zeros((8, 4, 3), np.uint8), 0.5).shape": [4, 2, 3],
    "scipy.misc.imresize(np.float32([[0.25]]), (1, 2), mode='F')": [[0.25, 0.25]],
    "scipy.misc.imrotate(np.uint8([[1, 2], [3, 4]]), 90)": [[2, 4], [1, 3]],
    "scipy.misc.toimage(np.zeros((3, 5, 7), np.uint8)).size": [7, 5],
    "scipy.misc.toimage(np.uint8([[0, 200]]), mode='1').getpixel((1, 0))": 255,
    "scipy.misc.toimage(np.uint8([[3]]), mode='P').convert('RGB').getpixel((0, 0))": [3, 3, 3],
    "scipy.misc.toimage(np.full((1, 1, 3), 5, np.uint8), mode='YCbCr').mode": "YCbCr",
    "scipy.misc.toimage(np.zeros(4))": "ValueError('An image is real and has two or three axes, "
    "got float64 (4,).')",
    "scipy.misc.imsave('saved.png', np.float64([[0, 1], [1, 0]])) or np.array(Image.open('saved.png'))": [
        [0, 255], [255, 0],
    ],
    "scipy.misc.comb(4, 2)": 6.0,
    "scipy.misc.logsumexp([0, 0])": pytest.approx(np.log(2)),
}  # fmt: skip

SCIKIT_IMAGE = {
    "skimage.color.grey2rgb(ramp)[3, 4]": 3 * [28 / 64],
    "skimage.color.rgb2grey(np.ones((1, 1, 3)))": [[pytest.approx(1)]],
    "[len(x) for x in skimage.draw.circle(5, 5, 2, shape=(6, 6))]": [4, 4],
    "skimage.feature.greycomatrix(np.uint8([[0, 1]]), [1], [0], levels=2)[:, :, 0, 0]": [[0, 1], [0, 0]],
    "skimage.feature.register_translation(ramp, np.roll(ramp, 1, 0))[0]": [-1, 0],
    "skimage.filter.gaussian_filter is skimage.filters.gaussian": True,
    "skimage.filters.gaussian(colours, 1, multichannel=True)[0, 0, 1]"
    " == skimage.filters.gaussian(colours[:, :, 1], 1)[0, 0]": True,
    "skimage.filters.gaussian(colours, 1, multichannel=False)[0, 0, 1]"
    " == skimage.filters.gaussian(colours, 1, channel_axis=None)[0, 0, 1]": True,
    "skimage.filters.median(spots.astype(np.uint8), selem=np.ones((3, 3)))[4, 4]": 1,
    "skimage.filters.threshold_adaptive(ramp, 3)[7, 7]": True,
    "skimage.io.imread('colours.png', as_grey=True).shape": [2, 2],
    "skimage.io.imsave('half.png', np.full((2, 2), 0.5)) or skimage.io.imread('half.png')": 2 * [[128, 128]],
    "skimage.io.imsave('half.tif', np.full((1, 5), 0.5)) or skimage.io.imread('half.tif')[0, 0]": 0.5,
    "skimage.draw.random_shapes((9, 9), 1, min_size=2, multichannel=False)[0].shape": [9, 9],
    "skimage.feature.peak_local_max(peak, indices=False).tolist()": [[i == 12 for i in range(25)][k : k + 5]
                                                                     for k in range(0, 25, 5)],
    "skimage.feature.peak_local_max(peak)": [[2, 2]],
    "skimage.measure.regionprops(spots.astype(int), coordinates='rc')[0].area": 11,
    "skimage.segmentation.clear_border(np.pad(spots, 1).astype(int), in_place=True).sum()": 11,
    "skimage.measure.compare_mse(ramp, ramp + 0.5)": 0.25,
    "skimage.measure.compare_nrmse(ramp, ramp, norm_type='min-max')": 0.0,
    "skimage.measure.compare_psnr(ramp, ramp + 0.1, data_range=1)": pytest.approx(20),
    "skimage.measure.compare_ssim(ramp, ramp)": pytest.approx(1),
    "skimage.measure.compare_ssim(colours, colours[::-1], multichannel=True) < 0.9": True,
    "skimage.measure.label(spots, neighbors=4).max()": 3,
    "skimage.measure.label(spots, neighbors=8).max()": 2,
    "skimage.measure.marching_cubes_lewiner is skimage.measure.marching_cubes": True,
    "skimage.morphology.dilation(spots.astype(np.uint8), selem=np.ones((3, 3)))[2, 2]": 1,
    "counted()": [9, 11],
    "counted(in_place=False)": [9, 11],
    "counted(in_place=True)": [9, 9],
    "skimage.morphology.remove_small_holes(hole, min_size=5).sum()": 27,
    "skimage.morphology.watershed(ramp, spots.astype(int)[:1, :1] * np.ones((8, 8), int)).max()": 1,
    "skimage.restoration.denoise_tv_chambolle(colours, multichannel=True).shape": [8, 8, 3],
    "skimage.transform.rescale(colours, 0.5, multichannel=True).shape": [4, 4, 3],
    "skimage.util.pad is np.pad": True,
    "callable(tifffile.imread)": True,
    "skimage.color.gray2rgb(colours) is colours": True,
    "skimage.color.gray2rgb(ramp).shape": [8, 8, 3],
    "skimage.color.rgb2gray(ramp) is ramp": True,
    "np.ptp(skimage.color.rgb2gray(np.dstack([colours, ramp])) - skimage.color.rgb2gray(colours))": 0.0,
    "skimage.transform.resize(spots, (3, 3), order=1, mode='constant', anti_aliasing=False)": [
        [0.5, 0, 0], [0, 0.25, 0.5], [0, 0.5, 1],
    ],
    "skimage.transform.resize(spots, (3, 3)).dtype.name": "bool",
    "skimage.transform.rescale(spots, 0.5, order=1, anti_aliasing=False).dtype.name": "float64",
}  # fmt: skip

OTHERS = {
    "collections.Iterable.__module__": "collections.abc",
    "isinstance({}, collections.Mapping)": True,
    "time.clock() > 0": True,
    "fractions.gcd(12, 18)": 6,
    "list(inspect.getargspec(lambda a, b=2, *c, **d: 0))": [["a", "b"], "c", "d", [2]],
    "seeded(datetime.datetime(2019, 1, 1)) == seeded(datetime.datetime(2019, 1, 1))": True,
    "[seeded(7) == random.Random(7).random(), 0 < seeded(None) < 1]": [True, True],
    "[cm.get_cmap(x).name for x in ('jet', cm.jet, None)]": ["jet", "jet", "viridis"],
    "cm.get_cmap('jet', 4).N": 4,
    "cm.register_cmap('mine', cm.get_cmap('jet', 3)) or cm.get_cmap('mine').N": 3,
    "[font.getsize('pumpkin')[0] > font.getsize('p')[0] > 0, 5 < font.getsize('pumpkin')[1] < 20]": [
        True,
        True,
    ],
    "drawing.textsize('pumpkin', font) == font.getsize('pumpkin')": True,
    "drawing.textsize('a\\nb')[1] > drawing.textsize('a')[1] > 0": True,
    "Image.new('L', (4, 4), 7).resize((2, 2), Image.ANTIALIAS).getpixel((0, 0))": 7,
    "[Image.CUBIC == Image.BICUBIC, Image.LINEAR == Image.BILINEAR]": [True, True],
}

CASES = NUMPY | SCIPY | SCIKIT_IMAGE | OTHERS


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Values by expression and the reported lines."""
    folder = tmp_path_factory.mktemp("names")
    pixels = np.uint8([[[255, 0, 0], [0, 255, 0]], [[0, 0, 9], [255, 8, 7]]])
    Image.fromarray(pixels).save(folder / "colours.png")
    Image.fromarray(pixels).convert("P").save(folder / "palette.gif")
    Image.fromarray(np.eye(2, dtype=bool)).save(folder / "bits.png")
    return evaluate(folder, PRELUDE, CASES)


@pytest.mark.parametrize("expression", CASES)
def test_values(program, expression):
    assert program[0][expression] == CASES[expression]


def test_each_name_of_numpy_is_evaluated():
    numpy_names.supply()
    for name in numpy_names.NAMES:
        assert hasattr(np, name)
        assert any(f"np.{name}" in expression for expression in NUMPY), name


def test_each_thing_touched_is_told_once(program):
    told = program[1]
    assert len(told) == len(set(told))
    assert "np.int was removed from NumPy; using int." in told
    assert "np.asscalar was removed from NumPy; using a replacement." in told
    assert "np.cumproduct was removed from NumPy; using np.cumprod." in told
    assert not [line for line in told if line.startswith(("np.bool", "np.long "))]
    assert "scipy.misc.imresize was removed from SciPy; using a replacement." in told
    assert "skimage.external.tifffile was removed from scikit-image; using tifffile." in told
    assert (
        "the argument as_grey of skimage.io.imread was removed from scikit-image; passed on as as_gray."
        in told
    )
    assert "Image.ANTIALIAS was removed from Pillow; using PIL.Image.LANCZOS." in told
    assert "time.clock was removed from Python; using time.perf_counter." in told
    assert "inspect.getargspec was removed from Python; using a replacement." in told
    assert "random.seed no longer accepts a datetime; using its hash." in told
    assert "matplotlib.cm.get_cmap was removed from Matplotlib; using a replacement." in told
    assert "FreeTypeFont.getsize was removed from Pillow; using a replacement." in told


def test_old_arguments_belong_to_functions_that_exist_without_them():
    import importlib
    import inspect

    for module, functions in skimage.ARGUMENTS.items():
        for name, conversions in functions.items():
            parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
            for convert in conversions.values():
                value = 4 if convert.__name__ == "_connectivity" else True
                assert convert(value, (None,)).keys() <= parameters.keys(), name


def test_scipy_misc_is_made_where_it_is_gone(tmp_path):
    prelude = (
        hiding("scipy.misc")
        + """
    import numpy as np
    import scipy.ndimage
    from scipy.misc import imresize
    """
    )
    expressions = {
        "imresize(np.full((2, 2), 9, np.uint8), 0.5)": [[9]],
        "scipy.misc.comb(3, 1)": 3,
    }
    values, told = evaluate(tmp_path, prelude, expressions)
    assert values == expressions
    assert told[0] == "scipy.misc was removed from SciPy; using a replacement."


def test_distutils_version_is_made_where_it_is_gone(tmp_path):
    expressions = {
        "LooseVersion('2.21.0') >= LooseVersion('1.3')": True,
        "LooseVersion('2.0.8') > '2.0.10'": False,
        "[str(LooseVersion('1.15.0-rc1')), LooseVersion('1.15').version]": ["1.15.0-rc1", [1, 15]],
    }
    prelude = hiding("distutils") + "\n    from distutils.version import LooseVersion\n"
    values, told = evaluate(tmp_path, prelude, expressions)
    assert values == expressions
    assert told == ["distutils.version was removed from Python; using a replacement."]
