"""DTMNet's ablation: without the short-term memory, without the long-term one, without weights of edges."""

from longtake.systems.ablation import Ablation, Variant

ABLATION = Ablation(
    "DTMNet, table 4: without short-term memory (S), long-term memory (L), the edges' weights (W)",
    "the paper does not say whether it trained each row anew",
    (
        Variant("DTMNet"),
        Variant("DTMNet-S", {"short_term": False, "mask_channel": False}),
        Variant("DTMNet-L", {"long_term": False}),
        Variant("DTMNet-W", {"edges": "uniform"}),
    ),
)
