"""Losses: of each element or example, with optax's names; `mse` and `mae` are means.

All take the predictions first, and give an array: `functrace.numpy.mean` of it is what is minimised.
"""

from __future__ import annotations

from typing import Any

from .. import numpy as fnp
from ..errors import DtypeError, ShapeError
from ..lax.shape import dtype_of, shape_of
from .activations import log_sigmoid, log_softmax, softplus


def squared_error(predictions: Any, targets: Any = None) -> Any:
    """(prediction - target)², element by element.

    Parameters
    ----------
    predictions, targets
        Arrays of one shape; no targets: 0.

    Raises
    ------
    ShapeError
        The shapes differ: to broadcast them would compare every prediction with every target.

    Examples
    --------
    >>> import numpy as np
    >>> squared_error(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    array([0., 4.])
    """
    error = _error("squared_error", predictions, targets)
    return error * error


def absolute_error(predictions: Any, targets: Any = None) -> Any:
    """|prediction - target|, element by element; the slope where they are equal is 0.

    Parameters and errors are those of `squared_error`.

    Examples
    --------
    >>> import numpy as np
    >>> absolute_error(np.array([1.0, 3.0]), np.array([1.0, 4.0]))
    array([0., 1.])
    """
    return fnp.abs(_error("absolute_error", predictions, targets))


def mse(predictions: Any, targets: Any) -> Any:
    """The mean squared error, a scalar.

    Examples
    --------
    >>> import numpy as np
    >>> float(mse(np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    2.0
    """
    return fnp.mean(squared_error(predictions, targets))


def mae(predictions: Any, targets: Any) -> Any:
    """The mean absolute error, a scalar.

    Examples
    --------
    >>> import numpy as np
    >>> float(mae(np.array([1.0, 3.0]), np.array([1.0, 4.0])))
    0.5
    """
    return fnp.mean(absolute_error(predictions, targets))


def huber_loss(predictions: Any, targets: Any = None, delta: float = 1.0) -> Any:
    """Half the square of a small error, and of a large one a line with the slope `delta`.

    Parameters and errors are those of `squared_error`.

    References
    ----------
    P. Huber, Robust estimation of a location parameter, 1964.

    Examples
    --------
    >>> import numpy as np
    >>> huber_loss(np.array([0.5, 3.0]), np.zeros(2))
    array([0.125, 2.5  ])
    """
    size = fnp.abs(_error("huber_loss", predictions, targets))
    near = fnp.minimum(size, delta)
    return 0.5 * near * near + delta * (size - near)


def log_cosh(predictions: Any, targets: Any = None) -> Any:
    """log(cosh(prediction - target)): a square near 0, a line far from it.

    Parameters and errors are those of `squared_error`.

    Examples
    --------
    >>> import numpy as np
    >>> log_cosh(np.array([0.0, 1000.0]), np.zeros(2)).round(4)
    array([  0.    , 999.3069])
    """
    error = _error("log_cosh", predictions, targets)
    return fnp.logaddexp(error, -error) - fnp.log(fnp.asarray(2.0, dtype_of(error)))


def softmax_cross_entropy(logits: Any, labels: Any, axis: int = -1) -> Any:
    """-Σ label log(softmax(logits)) along an axis.

    Parameters
    ----------
    logits
        Before the softmax.
    labels
        Probabilities, of the same shape.
    axis
        The axis of the classes; the result has it no more.

    Raises
    ------
    ShapeError
        The shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> softmax_cross_entropy(np.zeros((1, 2)), np.array([[0.5, 0.5]])).round(4)
    array([0.6931])
    """
    if shape_of(logits) != shape_of(labels):
        raise ShapeError(
            f"softmax_cross_entropy expected labels of the shape of the logits, {shape_of(logits)}, got "
            f"{shape_of(labels)}",
            instead="softmax_cross_entropy_with_integer_labels for the numbers of classes",
        )
    return -fnp.sum(labels * log_softmax(logits, axis), axis)


def softmax_cross_entropy_with_integer_labels(logits: Any, labels: Any, axis: int = -1) -> Any:
    """-log(softmax(logits)) at the class that each label names.

    Parameters
    ----------
    logits
        Before the softmax.
    labels
        Integers, of the shape of the logits without `axis`.
    axis
        The axis of the classes.

    Raises
    ------
    DtypeError
        The labels are no integers.
    ShapeError
        Their shape is another.

    Examples
    --------
    >>> import numpy as np
    >>> softmax_cross_entropy_with_integer_labels(np.array([[0.0, np.log(3)]]), np.array([1])).round(4)
    array([0.2877])
    """
    if dtype_of(labels).kind not in "iu":
        raise DtypeError(
            f"softmax_cross_entropy_with_integer_labels expected integers, got labels of dtype {dtype_of(labels)}",
            instead="labels.astype(int), or softmax_cross_entropy for probabilities",
        )
    shape = list(shape_of(logits))
    shape.pop(axis)
    if tuple(shape) != shape_of(labels):
        raise ShapeError(
            f"softmax_cross_entropy_with_integer_labels: to logits of shape {shape_of(logits)} belong labels of shape "
            f"{tuple(shape)}, got {shape_of(labels)}",
            instead="labels[:, 0] for a column, softmax_cross_entropy for one_hot labels",
        )
    chosen = fnp.take_along_axis(log_softmax(logits, axis), fnp.expand_dims(labels, axis), axis)
    return -fnp.squeeze(chosen, axis)


def sigmoid_binary_cross_entropy(logits: Any, labels: Any) -> Any:
    """-label log(sigmoid(logit)) - (1 - label) log(1 - sigmoid(logit)), element by element.

    Parameters
    ----------
    logits
        Before the sigmoid.
    labels
        Probabilities, of the same shape.

    Raises
    ------
    ShapeError
        The shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid_binary_cross_entropy(np.array([0.0, 1000.0]), np.array([1.0, 0.0])).round(4)
    array([6.931e-01, 1.000e+03])
    """
    _same_shape("sigmoid_binary_cross_entropy", logits, labels)
    return -labels * log_sigmoid(logits) - (1 - labels) * log_sigmoid(-logits)


def hinge_loss(predictor_outputs: Any, targets: Any) -> Any:
    """max(0, 1 - output · target), for targets -1 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> hinge_loss(np.array([0.5, 2.0]), np.array([1.0, 1.0]))
    array([0.5, 0. ])
    """
    _same_shape("hinge_loss", predictor_outputs, targets)
    return fnp.maximum(0, 1 - predictor_outputs * targets)


def kl_divergence(log_predictions: Any, targets: Any, axis: int = -1) -> Any:
    """Σ target (log(target) - log prediction) along an axis: how far predictions are from the targets.

    Parameters
    ----------
    log_predictions
        Logarithms of probabilities.
    targets
        Probabilities, of the same shape; where one is 0 its term is 0.
    axis
        The axis of the classes.

    References
    ----------
    S. Kullback and R. Leibler, On information and sufficiency, 1951.

    Examples
    --------
    >>> import numpy as np
    >>> kl_divergence(np.log(np.array([0.5, 0.5])), np.array([1.0, 0.0])).round(4)
    np.float64(0.6931)
    """
    _same_shape("kl_divergence", log_predictions, targets)
    is_zero = targets == 0
    logs = fnp.log(fnp.where(is_zero, 1, targets))
    return fnp.sum(fnp.where(is_zero, 0, targets * (logs - fnp.where(is_zero, 0, log_predictions))), axis)


def logistic_loss(margins: Any) -> Any:
    """log(1 + exp(-margin)), for margins output · target.

    Examples
    --------
    >>> import numpy as np
    >>> logistic_loss(np.array([0.0])).round(4)
    array([0.6931])
    """
    return softplus(-margins)


def _error(name: str, predictions: Any, targets: Any) -> Any:
    if targets is None:
        return predictions
    _same_shape(name, predictions, targets)
    return predictions - targets


def _same_shape(name: str, predictions: Any, targets: Any) -> None:
    if shape_of(targets) not in (shape_of(predictions), ()):
        raise ShapeError(
            f"{name} expected targets of the shape of the predictions, {shape_of(predictions)}, got "
            f"{shape_of(targets)}",
            instead="targets.reshape(predictions.shape), or targets[:, None] for a column of predictions",
        )
