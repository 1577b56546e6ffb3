"""What the docstrings of the ufuncs say of derivatives where there is a choice, or where JAX's are others."""

from __future__ import annotations

import numpy as np

_POLE = "At a pole the slope of a complex number is NaN, as NumPy's complex 1 / 0; JAX's is infinite."
_CUT = "On the cut of a complex number the sign of zero says the side (C99, annex G); JAX does not look at it."
_HALF = "At a tie each operand has half of the slope"
_POWER = (
    "x ** 0 is 1 for every x, so that its slope by x is 0 at 0 and at NaN too, where JAX's is NaN; 0 ** y counts as "
    "constant."
)
_LIMITS = "At infinities the slopes are their limits 0 and 1, where JAX's are others or NaN."
_QUOTIENT = "Where the value is NaN, at an infinite `x1`, the slope by `x2` is NaN too; JAX's is infinite."

NOTES: dict[np.ufunc, str] = {
    np.absolute: "The slope at 0 is 0, the middle of the subgradients, and at NaN it is NaN; JAX's at a real one is 1.",
    np.fabs: "The slope at 0 is 0 and at NaN it is NaN; JAX's is 1.",
    np.copysign: "The slope by `x1` is that of its absolute value: 0 at 0, where JAX's is 1 or -1, and NaN at NaN.",
    np.sign: "Of a complex number it is z / |z|, and so is its derivative, the part of a tangent across z over |z|; "
    "JAX's is zero.",
    np.arccosh: "Below 1 the slope of a real number is NaN, as the value is; JAX's is not. Of a complex number it is "
    "1 / (sqrt(z - 1) sqrt(z + 1)); JAX's 1 / sqrt(z**2 - 1) has the other sign left of the imaginary axis. " + _CUT,
    np.arccos: _CUT,
    np.arcsin: _CUT,
    np.sqrt: _CUT,
    np.log: _POLE,
    np.log2: _POLE,
    np.log10: _POLE,
    np.log1p: _POLE,
    np.arctan: _POLE,
    np.arctanh: "The second derivative at 1 and -1 is infinite, where JAX's is NaN. " + _POLE,
    np.hypot: "The slopes at the origin are 0, a subgradient; elsewhere they are x1 / hypot and x2 / hypot, of an "
    "infinite operand NaN. JAX's are others there, and so are its second derivatives where |x1| = |x2|.",
    np.logaddexp: _LIMITS,
    np.logaddexp2: _LIMITS,
    np.power: _POWER,
    np.float_power: _POWER,
    np.maximum: _HALF + ".",
    np.minimum: _HALF + ".",
    np.fmax: _HALF + ", as of `maximum`; in JAX `x2` has it all.",
    np.fmin: _HALF + ", as of `minimum`; in JAX `x2` has it all.",
    np.heaviside: "The slope by `x2` is 1 where `x1` is 0 and 0 elsewhere, at a NaN too, where JAX's is 1.",
    np.remainder: _QUOTIENT,
    np.divmod: _QUOTIENT,
    np.nextafter: "The slope by `x1` is 1, by `x2` 0; JAX has none.",
    np.spacing: "The slope is 0; JAX has none.",
}
