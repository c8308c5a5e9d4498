"""RAFT, the small one of torchvision, as a flow provider."""

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.optical_flow import raft_small

from longtake.nn.flow import Images, at_multiple

LEAST = 128
"""Its coarsest correlations are at 1/64 of the image and must be 2 x 2."""


class RaftSmall(nn.Module):
    """torchvision's raft_small under the contract of `nn.flow`, for images of any size; its last iterate counts."""

    def __init__(self) -> None:
        super().__init__()
        self.network = raft_small(weights=None)

    def forward(self, current: Images, previous: Images) -> Float[Tensor, "b 2 h w"]:
        """Where the content of each pixel was, in pixels."""
        return at_multiple(self._last, current, previous, multiple=8, least=LEAST)

    def _last(self, current: Images, previous: Images) -> Float[Tensor, "b 2 h w"]:
        last: Tensor = self.network(2 * current - 1, 2 * previous - 1)[-1]
        return last
