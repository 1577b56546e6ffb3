"""Training: minibatches and splits of data, `fit`, pytrees in files, checkpoints from which a run goes on."""

from .batches import Minibatches, minibatches
from .checkpoint import Checkpoint
from .early_stopping import EarlyStopping
from .files import contents, load, save
from .fit import Fitted, fit
from .history import History
from .run import Callback, Run
from .splits import k_fold, train_validation_split
from .standardizer import Standardizer

__all__ = [
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "Fitted",
    "History",
    "Minibatches",
    "Run",
    "Standardizer",
    "contents",
    "fit",
    "k_fold",
    "load",
    "minibatches",
    "save",
    "train_validation_split",
]
