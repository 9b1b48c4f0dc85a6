"""NumPy names of 2017-2019 that NumPy 2 has removed, for programs and packages of that time (imgaug).

``np.bool`` and ``np.long`` exist again as NumPy's own types. As dtypes they mean the same as before, so they
are not replaced.
"""

import functools

import numpy as np

from mrcnn.supplied.names import from_table, supply_names

NAMES = {
    "int": "builtins:int",
    "float": "builtins:float",
    "complex": "builtins:complex",
    "object": "builtins:object",
    "str": "builtins:str",
    "unicode": "builtins:str",
    "float_": "numpy:float64",
    "complex_": "numpy:complex128",
    "cfloat": "numpy:complex128",
    "singlecomplex": "numpy:complex64",
    "longfloat": "numpy:longdouble",
    "string_": "numpy:bytes_",
    "unicode_": "numpy:str_",
    "Inf": "numpy:inf",
    "Infinity": "numpy:inf",
    "infty": "numpy:inf",
    "PINF": "numpy:inf",
    "NINF": "mrcnn.supplied.numpy_names:NINF",
    "NaN": "numpy:nan",
    "NAN": "numpy:nan",
    "alltrue": "numpy:all",
    "sometrue": "numpy:any",
    "product": "numpy:prod",
    "cumproduct": "numpy:cumprod",
    "round_": "numpy:round",
    "rank": "numpy:ndim",
    "row_stack": "numpy:vstack",
    "trapz": "numpy:trapezoid",
    "mat": "numpy:asmatrix",
    "issubclass_": "builtins:issubclass",
    "issubsctype": "numpy:issubdtype",
    "safe_eval": "ast:literal_eval",
    "asfarray": "mrcnn.supplied.numpy_names:asfarray",
    "asscalar": "mrcnn.supplied.numpy_names:asscalar",
    "find_common_type": "mrcnn.supplied.numpy_names:find_common_type",
    "in1d": "mrcnn.supplied.numpy_names:in1d",
    "msort": "mrcnn.supplied.numpy_names:msort",
    "sctypes": "mrcnn.supplied.numpy_names:sctypes",
}

NINF = -np.inf

sctypes = {
    "int": [np.int8, np.int16, np.int32, np.int64],
    "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
    "float": [np.float16, np.float32, np.float64, np.longdouble],
    "complex": [np.complex64, np.complex128, np.clongdouble],
    "others": [bool, object, bytes, str, np.void],
}


@functools.cache
def supply():
    """Add the names to ``numpy``; further calls change nothing."""
    supply_names(np, from_table(NAMES), "np", "NumPy")


def asfarray(a, dtype=np.float64):
    """Convert to an array of floats; float64 is used unless ``dtype`` is a float or complex type."""
    return np.asarray(a, dtype if np.issubdtype(dtype, np.inexact) else np.float64)


def asscalar(a):
    """Return the Python number in an array of one element."""
    return a.item()


def find_common_type(array_types, scalar_types):
    """Return the dtype of a result; scalars count only if their kind ranks above that of all arrays."""
    kinds = "buifcSUVOMm"
    of_arrays, of_scalars = (
        np.result_type(*types) if types else None for types in (array_types, scalar_types)
    )
    if of_arrays is None or of_scalars is None:
        return of_scalars if of_arrays is None else of_arrays
    return max(of_arrays, of_scalars, key=lambda dtype: kinds.index(dtype.kind))


def in1d(ar1, ar2, assume_unique=False, invert=False):
    """Return whether each element of the flattened ``ar1`` is in ``ar2``: [size] bool."""
    return np.isin(np.ravel(ar1), ar2, assume_unique=assume_unique, invert=invert)


def msort(a):
    """Return a copy of an array, sorted along its first axis."""
    return np.sort(a, axis=0)
