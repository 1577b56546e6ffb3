"""Names of NumPy that functrace.numpy does not have: why, and what to use."""

from __future__ import annotations

_TEXT = "it works on text, and only arrays of numbers can be traced; write {numpy}, outside of what is traced"
_DATES = "it works on dates, and only arrays of numbers can be traced; write {numpy}, or numbers of days as integers"
_RECORDS = "records have fields of their own dtypes; a pytree of arrays (a dict, a dataclass) can be traced instead"
_MATRICES = "a matrix is a class of its own, and results here are plain arrays; write "
_MACHINERY = "it is part of NumPy's own machinery and no function of arrays; write {numpy}"

_REASONS: dict[str, str] = {
    "char": _TEXT,
    "strings": _TEXT,
    "datetime64": _DATES,
    "timedelta64": _DATES,
    "datetime_as_string": _DATES,
    "datetime_data": _DATES,
    "busday_count": _DATES,
    "busday_offset": _DATES,
    "busdaycalendar": _DATES,
    "is_busday": _DATES,
    "isnat": _DATES,
    "rec": _RECORDS,
    "recarray": _RECORDS,
    "record": _RECORDS,
    "matrix": _MATRICES + "functrace.numpy.array of two axes, with @ for the product",
    "asmatrix": _MATRICES + "functrace.numpy.asarray of two axes, with @ for the product",
    "bmat": _MATRICES + "functrace.numpy.block",
    "ma": "a masked array is a class of its own, and results here are plain arrays; write where= and "
    "functrace.numpy.where(mask, x, other), or NaN with functrace.numpy.nanmean and its kin",
    "memmap": "it is a view of a file, which changes in place; write numpy.memmap, and pass slices of it as arguments",
    "poly1d": "it is a class of its own, and results here are plain arrays; write functrace.numpy.polyval(p, x), "
    "polyadd, polymul, polyder and their kin on arrays of coefficients",
    "polynomial": "its classes are no plain arrays; write functrace.numpy.polyval, polyadd, polymul and their kin",
    "frompyfunc": "what it makes gives arrays of Python objects; write functrace.numpy.vectorize",
    "random": "numpy.random keeps a hidden state, which a function that is traced once would draw from once; "
    "functrace.random draws by keys",
    "testing": "numpy.testing compares arrays outside of what is traced; functrace.test_util checks derivatives",
    "core": _MACHINERY,
    "ctypeslib": _MACHINERY,
    "f2py": _MACHINERY,
    "lib": _MACHINERY,
    "test": _MACHINERY,
}


def reason(name: str) -> str | None:
    """Why functrace.numpy has no such name, and what to use; None where it is no name that is refused."""
    text = _REASONS.get(name)
    return None if text is None else text.format(numpy=f"numpy.{name}")
