"""The optimisers: chains of the rules in `scaling`, each with its formula and its paper.

In the formulas g is the gradient, p the parameter, η the learning rate; a step is ``p ← p + update``.
"""

from __future__ import annotations

from typing import Any

from .lbfgs_scaling import scale_by_lbfgs
from .line_search import scale_by_zoom_linesearch
from .masking import Mask
from .penalties import add_decayed_weights
from .scaling import (
    adam_rule,
    check_learning_rate,
    scale,
    scale_by_adadelta,
    scale_by_adam,
    scale_by_adamax,
    scale_by_amsgrad,
    scale_by_learning_rate,
    scale_by_lion,
    scale_by_rms,
    scale_by_rss,
    scale_by_stddev,
    scale_by_trust_ratio,
    trace,
)
from .schedules import ScalarOrSchedule
from .transformation import GradientTransformation, GradientTransformationExtraArgs, chain, identity


def sgd(
    learning_rate: ScalarOrSchedule,
    momentum: float | None = None,
    nesterov: bool = False,
    accumulator_dtype: Any = None,
) -> GradientTransformationExtraArgs:
    """Stochastic gradient descent: ``m ← g + momentum · m``, ``update = -η m``.

    Parameters
    ----------
    learning_rate
        A number, or a function of the number of steps done.
    momentum
        How much of the last step's direction is kept; None: nothing, and no state.
    nesterov
        Whether the step looks one step ahead: ``update = -η (g + momentum · m)``.
    accumulator_dtype
        The dtype of m; by default the parameter's.

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl and G. Hinton, On the importance of initialization and momentum in deep learning,
    2013.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import grad, optim
    >>> optimizer, params = optim.sgd(0.1, momentum=0.5), np.array([1.0, -2.0])
    >>> state = optimizer.init(params)
    >>> for _ in range(100):
    ...     updates, state = optimizer.update(grad(lambda p: (p**2).sum())(params), state, params)
    ...     params = optim.apply_updates(params, updates)
    >>> bool(np.abs(params).max() < 1e-10)
    True
    """
    direction = identity() if momentum is None else trace(momentum, nesterov, accumulator_dtype)
    return chain(direction, scale_by_learning_rate(learning_rate))


def adam(
    learning_rate: ScalarOrSchedule,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    mu_dtype: Any = None,
    *,
    nesterov: bool = False,
) -> GradientTransformationExtraArgs:
    """Adam: ``m ← b1 m + (1 - b1) g``, ``v ← b2 v + (1 - b2) g²``, and with both divided by 1 - bᵗ

    ``update = -η m / (√(v + eps_root) + eps)``.

    Parameters
    ----------
    learning_rate
        A number, or a function of the number of steps done.
    b1, b2
        How much of the means is kept at each step.
    eps, eps_root
        Added to the root, and under it (needed where the step itself is differentiated).
    mu_dtype
        The dtype of m; by default the parameter's.
    nesterov
        Whether m looks one step ahead (see `nadam`).

    References
    ----------
    D. Kingma and J. Ba, Adam: A method for stochastic optimization, 2015, arXiv:1412.6980.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer, params = optim.adam(0.1), np.array([1.0, -2.0])
    >>> updates, state = optimizer.update(2 * params, optimizer.init(params), params)
    >>> updates.round(6)
    array([-0.1,  0.1])
    """
    check_learning_rate(learning_rate)

    def factor(count: Any) -> Any:  # with the others, so that it costs no pass over the parameters
        return -(learning_rate(count) if callable(learning_rate) else learning_rate)

    return chain(adam_rule("adam", b1, b2, eps, eps_root, mu_dtype, nesterov, factor))


def adamw(
    learning_rate: ScalarOrSchedule,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    mu_dtype: Any = None,
    weight_decay: ScalarOrSchedule = 1e-4,
    mask: Mask | None = None,
    *,
    nesterov: bool = False,
) -> GradientTransformationExtraArgs:
    """Adam with decoupled weight decay: the update of `adam`, minus ``η · weight_decay · p``.

    Parameters
    ----------
    learning_rate, b1, b2, eps, eps_root, mu_dtype, nesterov
        Those of `adam`.
    weight_decay
        A number, or a function of the number of steps done.
    mask
        Which leaves decay; by default all.

    References
    ----------
    I. Loshchilov and F. Hutter, Decoupled weight decay regularization, 2019, arXiv:1711.05101.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer, params = optim.adamw(0.1, weight_decay=0.01), np.array([10.0])
    >>> optimizer.update(np.zeros(1), optimizer.init(params), params)[0]
    array([-0.01])
    """
    return chain(
        scale_by_adam(b1, b2, eps, eps_root, mu_dtype, nesterov=nesterov),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


def nadam(
    learning_rate: ScalarOrSchedule,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    mu_dtype: Any = None,
) -> GradientTransformationExtraArgs:
    """Adam with Nesterov's momentum: in the place of m stands ``b1 m / (1 - b1ᵗ⁺¹) + (1 - b1) g / (1 - b1ᵗ)``.

    Parameters are those of `adam`.

    References
    ----------
    T. Dozat, Incorporating Nesterov momentum into Adam, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer, params = optim.nadam(0.1), np.array([1.0])
    >>> bool(optimizer.update(2 * params, optimizer.init(params), params)[0] < 0)
    True
    """
    return adam(learning_rate, b1, b2, eps, eps_root, mu_dtype, nesterov=True)


def amsgrad(
    learning_rate: ScalarOrSchedule,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    eps_root: float = 0.0,
    mu_dtype: Any = None,
) -> GradientTransformationExtraArgs:
    """Adam that divides by the greatest v so far.

    Parameters are those of `adam`.

    References
    ----------
    S. Reddi, S. Kale and S. Kumar, On the convergence of Adam and beyond, 2018, arXiv:1904.09237.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer, params = optim.amsgrad(0.1), np.array([1.0])
    >>> optimizer.update(2 * params, optimizer.init(params), params)[0].round(6)
    array([-0.1])
    """
    return chain(scale_by_amsgrad(b1, b2, eps, eps_root, mu_dtype), scale_by_learning_rate(learning_rate))


def adamax(
    learning_rate: ScalarOrSchedule, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8
) -> GradientTransformationExtraArgs:
    """Adam by the greatest gradient: ``u ← max(b2 u, |g| + eps)``, ``update = -η m / ((1 - b1ᵗ) u)``.

    Parameters are those of `adam`.

    References
    ----------
    D. Kingma and J. Ba, Adam: A method for stochastic optimization, 2015, arXiv:1412.6980, section 7.1.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer, params = optim.adamax(0.1), np.array([1.0])
    >>> optimizer.update(2 * params, optimizer.init(params), params)[0].round(6)
    array([-0.1])
    """
    return chain(scale_by_adamax(b1, b2, eps), scale_by_learning_rate(learning_rate))


def adagrad(
    learning_rate: ScalarOrSchedule, initial_accumulator_value: float = 0.1, eps: float = 1e-7
) -> GradientTransformationExtraArgs:
    """Adagrad: ``s ← s + g²``, ``update = -η g / √(s + eps)``.

    Parameters
    ----------
    learning_rate
        A number, or a function of the number of steps done.
    initial_accumulator_value
        The first s.
    eps
        Added under the root.

    References
    ----------
    J. Duchi, E. Hazan and Y. Singer, Adaptive subgradient methods for online learning and stochastic optimization,
    2011.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer, params = optim.adagrad(1.0, initial_accumulator_value=0.0, eps=0.0), np.array([1.0])
    >>> optimizer.update(3 * params, optimizer.init(params), params)[0]
    array([-1.])
    """
    return chain(scale_by_rss(initial_accumulator_value, eps), scale_by_learning_rate(learning_rate))


def rmsprop(
    learning_rate: ScalarOrSchedule,
    decay: float = 0.9,
    eps: float = 1e-8,
    initial_scale: float = 0.0,
    eps_in_sqrt: bool = True,
    centered: bool = False,
    momentum: float | None = None,
    nesterov: bool = False,
    bias_correction: bool = False,
) -> GradientTransformationExtraArgs:
    """RMSProp: ``v ← decay v + (1 - decay) g²``, ``update = -η g / √(v + eps)``.

    Parameters
    ----------
    learning_rate
        A number, or a function of the number of steps done.
    decay
        How much of v is kept.
    eps, eps_in_sqrt
        Added under the root, or to it.
    initial_scale
        The first v.
    centered
        Whether the square of the running mean of g is taken from v first.
    momentum, nesterov
        As for `sgd`, of the scaled gradients.
    bias_correction
        Whether the means are divided by 1 - decayᵗ.

    References
    ----------
    G. Hinton, Neural networks for machine learning, lecture 6e, 2012; centered: A. Graves, Generating sequences with
    recurrent neural networks, 2013, arXiv:1308.0850.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer, params = optim.rmsprop(0.1, decay=0.75), np.array([1.0])
    >>> optimizer.update(2 * params, optimizer.init(params), params)[0].round(6)
    array([-0.2])
    """
    rule = scale_by_stddev if centered else scale_by_rms
    return chain(
        rule(decay, eps, initial_scale, eps_in_sqrt, bias_correction),
        scale_by_learning_rate(learning_rate),
        identity() if momentum is None else trace(momentum, nesterov),
    )


def adadelta(
    learning_rate: ScalarOrSchedule | None = None,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: ScalarOrSchedule = 0.0,
    weight_decay_mask: Mask | None = None,
) -> GradientTransformationExtraArgs:
    """Adadelta: ``update = -η g √(x + eps) / √(v + eps)``, v and x the running means of g² and of (update / η)².

    Parameters
    ----------
    learning_rate
        A number, or a function of the number of steps done; None is 1.
    rho
        How much of the means is kept.
    eps
        Added under the roots.
    weight_decay, weight_decay_mask
        An L2 penalty: added to the gradients.

    References
    ----------
    M. Zeiler, Adadelta: An adaptive learning rate method, 2012, arXiv:1212.5701.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer, params = optim.adadelta(1.0), np.array([1.0])
    >>> bool(optimizer.update(2 * params, optimizer.init(params), params)[0] < 0)
    True
    """
    return chain(
        add_decayed_weights(weight_decay, weight_decay_mask),
        scale_by_adadelta(rho, eps),
        scale_by_learning_rate(1.0 if learning_rate is None else learning_rate),
    )


def lamb(
    learning_rate: ScalarOrSchedule,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-6,
    eps_root: float = 0.0,
    weight_decay: ScalarOrSchedule = 0.0,
    mask: Mask | None = None,
) -> GradientTransformationExtraArgs:
    """LAMB: the direction of `adamw`, for each leaf as long as the parameter times η.

    Parameters are those of `adamw`.

    References
    ----------
    Y. You et al., Large batch optimization for deep learning: Training BERT in 76 minutes, 2020, arXiv:1904.00962.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer, params = optim.lamb(0.1), np.array([3.0, 4.0])
    >>> round(float(np.linalg.norm(optimizer.update(params, optimizer.init(params), params)[0])), 6)
    0.5
    """
    return chain(
        scale_by_adam(b1, b2, eps, eps_root),
        add_decayed_weights(weight_decay, mask),
        scale_by_trust_ratio(),
        scale_by_learning_rate(learning_rate),
    )


def lion(
    learning_rate: ScalarOrSchedule,
    b1: float = 0.9,
    b2: float = 0.99,
    mu_dtype: Any = None,
    weight_decay: ScalarOrSchedule = 1e-3,
    mask: Mask | None = None,
) -> GradientTransformationExtraArgs:
    """Lion: ``update = -η (sign(b1 m + (1 - b1) g) + weight_decay · p)``, then ``m ← b2 m + (1 - b2) g``.

    Parameters are those of `adamw`.

    References
    ----------
    X. Chen et al., Symbolic discovery of optimization algorithms, 2023, arXiv:2302.06675.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import optim
    >>> optimizer, params = optim.lion(0.1, weight_decay=0.0), np.array([1.0, -2.0])
    >>> optimizer.update(params, optimizer.init(params), params)[0]
    array([-0.1,  0.1])
    """
    return chain(
        scale_by_lion(b1, b2, mu_dtype),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


def lbfgs(
    learning_rate: ScalarOrSchedule | None = None,
    memory_size: int = 10,
    scale_init_precond: bool = True,
    linesearch: GradientTransformation | None = None,
) -> GradientTransformationExtraArgs:
    """L-BFGS with a line search: for losses that are no sample, of all the data at once.

    Parameters
    ----------
    learning_rate
        A factor of the direction before the search; None is 1.
    memory_size
        How many of the last steps show the curvature.
    scale_init_precond
        Whether the first guess of the inverse Hessian has the scale of the last change.
    linesearch
        By default `scale_by_zoom_linesearch` of 20 points at most, from step 1; `identity()` for none.

    Returns
    -------
    GradientTransformationExtraArgs
        Its `update` needs the keywords ``value``, ``grad`` and ``value_fn`` for the line search;
        `value_and_grad_from_state` has the first two from the last search.

    References
    ----------
    J. Nocedal and S. Wright, Numerical Optimization, 2nd edition, section 7.2.

    Examples
    --------
    >>> import numpy as np
    >>> from functrace import jit, optim
    >>> def loss(p):
    ...     return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
    >>> optimizer, value_and_grad = optim.lbfgs(), optim.value_and_grad_from_state(loss)
    >>> @jit
    ... def step(params, state):
    ...     value, gradient = value_and_grad(params, state=state)
    ...     updates, state = optimizer.update(
    ...         gradient, state, params, value=value, grad=gradient, value_fn=loss
    ...     )
    ...     return optim.apply_updates(params, updates), state
    >>> params = np.array([-1.2, 1.0])
    >>> state = optimizer.init(params)
    >>> for _ in range(40):
    ...     params, state = step(params, state)
    >>> params.round(6)
    array([1., 1.])
    """
    if linesearch is None:
        linesearch = scale_by_zoom_linesearch(max_linesearch_steps=20, initial_guess_strategy="one")
    factor = scale(-1.0) if learning_rate is None else scale_by_learning_rate(learning_rate)
    return chain(scale_by_lbfgs(memory_size, scale_init_precond), factor, linesearch)
