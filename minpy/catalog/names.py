"""What the table of operations cannot say about names of NumPy and SciPy that are not in it.

Names of all versions of NumPy that MinPy works with are here; a version lacks some of them.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

#: why -> names of NumPy's main namespace that programs do not use
LEFT_OUT = {
    "how NumPy is built, tested and documented": """
        test show_config show_runtime get_include add_docstring add_newdoc add_newdoc_ufunc deprecate
        deprecate_with_doc lookfor info source who disp safe_eval get_array_wrap tracemalloc_domain
        kernel_version compat core distutils dtypes exceptions f2py matrixlib numarray oldnumeric testing
        typing version tests Tester use_hugepage ModuleDeprecationWarning VisibleDeprecationWarning
    """,
    "numbers and switches of its C code": """
        ALLOW_THREADS BUFSIZE CLIP ERR_* FLOATING_POINT_SUPPORT FPE_* MAXDIMS MAY_SHARE_* RAISE SHIFT_*
        UFUNC_* WRAP geterrobj seterrobj set_numeric_ops set_string_function fastCopyAndTranspose
    """,
    "types and modules of Python's": "bool int float complex object str long unicode math sys os",
}

#: There is no derivative to define: the result is not made of real numbers, jumps, or depends on no array.
DISCRETE = {
    "numpy": """
        shape ndim size iscomplexobj isrealobj isfortran isscalar iterable may_share_memory shares_memory
        byte_bounds common_type can_cast result_type promote_types min_scalar_type mintypecode
        find_common_type issctype issubclass_ issubdtype issubsctype maximum_sctype obj2sctype sctype2char
        typename broadcast_shapes einsum_path
        allclose array_equal array_equiv isclose iscomplex isreal isneginf isposinf in1d isin is_busday isnat
        signbit alltrue sometrue
        argwhere digitize flatnonzero nonzero lexsort searchsorted nanargmax nanargmin unravel_index
        ravel_multi_index diag_indices diag_indices_from tril_indices tril_indices_from triu_indices
        triu_indices_from mask_indices indices ix_ tri bartlett blackman hamming hanning fix spacing
        gcd lcm packbits unpackbits histogram_bin_edges
        array2string array_repr array_str base_repr binary_repr format_float_positional
        format_float_scientific load loadtxt genfromtxt fromregex fromstring fromfile frombuffer fromiter
        recfromcsv recfromtxt save savetxt savez savez_compressed compare_chararrays datetime_as_string
        datetime_data busday_count busday_offset
        get_printoptions set_printoptions printoptions geterr seterr geterrcall seterrcall getbufsize
        setbufsize
    """,
    "numpy.linalg": "matrix_rank",
    "numpy.random": """
        binomial geometric hypergeometric integers logseries multinomial multivariate_hypergeometric
        negative_binomial poisson randint random_integers zipf bytes
        rand randn random random_sample ranf sample standard_cauchy standard_exponential standard_normal
        seed get_state set_state get_bit_generator set_bit_generator default_rng spawn bit_generator
    """,
    "numpy.ndarray": """
        base byteswap ctypes data dtype dump dumps flags item itemsize nbytes ndim newbyteorder
        setflags shape size strides tobytes tofile tolist tostring setfield getfield resize
        searchsorted nonzero
    """,
    "scipy.special": """
        *_zeros roots_* *_roots bernoulli euler factorial2 factorialk stirling2 round geterr seterr
        legendre cheby? jacobi laguerre genlaguerre hermite hermitenorm gegenbauer sh_*
    """,
}

#: Asking for their gradient is an error, or ends it with a warning: why -> namespace -> names
WITHOUT_RULE = {
    "there is a derivative, but not in closed form, or only by an integer": {
        "scipy.special": """
            bdtrik bdtrin nbdtrik nbdtrin pdtrik btdtria btdtrib chdtriv chndtridf fdtridfd gdtrib ncfdtridfd
            ncfdtridfn nctdtridf stdtridf ellip_harm ellip_harm_2 ellip_normal mathieu_a mathieu_b
            mathieu_even_coef mathieu_odd_coef obl_cv obl_cv_seq pro_cv pro_cv_seq zetac
        """,
    },
    "SciPy warns of it": {"scipy.special": "btdtr btdtri"},
    "NumPy draws them by rejection, so that the numbers of a seed jump where a parameter moves": {
        "numpy.random": """
            beta chisquare dirichlet f noncentral_chisquare noncentral_f standard_gamma standard_t wald
        """,
    },
    "the result is an object of NumPy's, where a gradient ends": {
        "numpy": "asmatrix mat bmat frompyfunc nested_iters",
    },
}


def why_left_out(name: str) -> str | None:
    """Why a name of NumPy is not in the catalog; None where it is."""
    return next((why for why, names in LEFT_OUT.items() if _holds(names, name)), None)


def is_discrete(space: str, name: str) -> bool:
    """Whether a function that the op table lacks has no derivative."""
    return _holds(DISCRETE.get(space, ""), name)


def why_without_rule(space: str, name: str) -> str | None:
    """Why a function has no gradient that is not discrete; None for any other."""
    return next((why for why, names in WITHOUT_RULE.items() if _holds(names.get(space, ""), name)), None)


def _holds(names: str, name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in names.split())
