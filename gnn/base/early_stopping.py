"""Stop when validation no longer improves, and really go back to the best weights."""

import math

from torch import Tensor, nn


class EarlyStopping:
    """Keeps a copy of the weights with the lowest validation loss.

    Args:
        patience: epochs without improvement after which `should_stop` is true.
    """

    def __init__(self, *, patience: int) -> None:
        """See the class."""
        self.patience = patience
        self.best_loss = math.inf
        self.best_epoch = 0
        self.epoch = 0
        self._best_state: dict[str, Tensor] = {}

    def update(self, loss: float, model: nn.Module) -> None:
        """Take note of the validation loss of the weights that `model` has now."""
        self.epoch += 1
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, self.epoch
            # state_dict() hands out the live tensors: without clone() "best" would be "last".
            self._best_state = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @property
    def improved(self) -> bool:
        """Whether the last epoch is the best one."""
        return self.epoch == self.best_epoch

    @property
    def best_state(self) -> dict[str, Tensor]:
        """The best weights; empty if no loss was ever finite."""
        return self._best_state

    def go_on(self, epoch: int, best_epoch: int, best_loss: float, best: dict[str, Tensor]) -> None:
        """Take the state of an interrupted training."""
        self.epoch, self.best_epoch, self.best_loss = epoch, best_epoch, best_loss
        self._best_state = best

    @property
    def should_stop(self) -> bool:
        """Whether the last `patience` epochs brought nothing."""
        return self.epoch - self.best_epoch >= self.patience

    def restore(self, model: nn.Module) -> None:
        """Give `model` the best weights seen; unchanged if no loss was ever finite."""
        if self._best_state:
            model.load_state_dict(self._best_state)
