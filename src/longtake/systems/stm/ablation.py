"""STM's memory policies, compared on one trained model."""

from longtake.systems.ablation import Ablation, Variant

ABLATION = Ablation(
    "STM, table 5; the first row is the model's own rule, every 5th frame, which is bounded here",
    "its rows need no training",
    (
        Variant("every 5 frames"),
        Variant("first", memory="first"),
        Variant("previous", memory="previous"),
        Variant("first and previous", memory="first+previous"),
    ),
)
