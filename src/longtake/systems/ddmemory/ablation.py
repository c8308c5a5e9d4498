"""DDMemory's ablation: which of the three banks there are."""

from longtake.systems.ablation import Ablation, Variant

BANKS = {"R": "reference", "G": "global", "L": "local"}

ABLATION = Ablation(
    "LVOS, tables 4 and 9: R reference, G global, L local memory",
    "the paper does not say whether it trained each row anew",
    tuple(
        Variant("+".join(row), {"memory": [BANKS[bank] for bank in row]})
        for row in ("RGL", "R", "G", "L", "RG", "RL", "GL")
    ),
)
