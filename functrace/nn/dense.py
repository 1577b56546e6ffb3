"""Layers of weights: `Dense` and `Embedding`."""

from __future__ import annotations

from typing import Any

from .. import numpy as fnp
from .. import random
from ..errors import DtypeError
from ..lax.shape import dtype_of
from .checks import Shape, check_count, check_features, check_known, check_params, check_rank
from .initializers import Initializer, lecun_normal, normal, zeros
from .layer import Layer


def Dense(
    features: int,
    use_bias: bool = True,
    kernel_init: Initializer | None = None,
    bias_init: Initializer = zeros,
    dtype: Any = float,
) -> Layer:
    """``x @ kernel + bias`` along the last axis.

    Parameters
    ----------
    features
        How many outputs there are.
    use_bias
        Whether there is a bias.
    kernel_init, bias_init
        The first values; by default `lecun_normal` and zeros.
    dtype
        Of the parameters.

    Returns
    -------
    Layer
        Of inputs (…, n): outputs (…, features); the parameters are ``{"kernel": (n, features), "bias": (features,)}``.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn, random
    >>> shape, params = nn.Dense(3).init(random.key(0), (-1, 2))
    >>> shape, nn.Dense(3).apply(params, np.ones((5, 2))).shape
    ((-1, 3), (5, 3))
    """
    name = f"Dense({features})"
    check_count(name, features=features)
    first = kernel_init or lecun_normal()
    widths = {"kernel": features, "bias": features} if use_bias else {"kernel": features}

    def init(key: Any, input_shape: Shape) -> tuple[Shape, Any]:
        *batch, inputs = check_known(name, check_rank(name, input_shape, range(2, 99)))
        kernel_key, bias_key = random.split(key)
        params = {"kernel": first(kernel_key, (inputs, features), dtype)}
        if use_bias:
            params["bias"] = bias_init(bias_key, (features,), dtype)
        return (*batch, features), params

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False) -> Any:
        check_params(name, params, widths)
        check_features(name, inputs, params["kernel"].shape[0])
        out = inputs @ params["kernel"]
        return out + params["bias"] if use_bias else out

    return Layer(name, init, apply)


def Embedding(
    num_embeddings: int, features: int, embedding_init: Initializer | None = None, dtype: Any = float
) -> Layer:
    """A vector for each number.

    Parameters
    ----------
    num_embeddings
        How many vectors there are.
    features
        How long they are.
    embedding_init
        The first values; by default normal with standard deviation 1.
    dtype
        Of the vectors.

    Returns
    -------
    Layer
        Of integers (…): outputs (…, features); the parameters are ``{"embedding": (num_embeddings, features)}``.

    Raises
    ------
    DtypeError
        The inputs are no integers.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import nn, random
    >>> layer = nn.Embedding(10, 4)
    >>> layer.apply(layer.init(random.key(0), (-1, 3))[1], np.array([[1, 2, 1]])).shape
    (1, 3, 4)
    """
    name = f"Embedding({num_embeddings}, {features})"
    check_count(name, num_embeddings=num_embeddings, features=features)
    first = embedding_init or normal(1.0)

    def init(key: Any, input_shape: Shape) -> tuple[Shape, Any]:
        shape = check_rank(name, input_shape, range(1, 99))
        return (*shape, features), {"embedding": first(key, (num_embeddings, features), dtype)}

    def apply(params: Any, inputs: Any, *, key: Any = None, train: bool = False) -> Any:
        check_params(name, params, {"embedding": features})
        if dtype_of(inputs).kind not in "iu":
            raise DtypeError(f"{name} expected integers, got {dtype_of(inputs)}", instead="x.astype(int)")
        return fnp.take(params["embedding"], inputs, axis=0)

    return Layer(name, init, apply)
