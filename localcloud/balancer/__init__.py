"""Application Load Balancers that really listen: one HAProxy for each."""

from localcloud.balancer.balancer import Balancer
from localcloud.balancer.errors import BalancerError

__all__ = ["Balancer", "BalancerError"]
