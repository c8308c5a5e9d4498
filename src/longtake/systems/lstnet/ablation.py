"""LSTNet's ablation: without global relation, without the short-term network, without the gate."""

from longtake.systems.ablation import Ablation, Variant

ABLATION = Ablation(
    "LSTNet, table 1: without global relation (LTN), short-term network (STN), attentional gate (AGN)",
    "the paper trained each row",
    (
        Variant("LSTNet"),
        Variant("LTN_free", {"relation": False}),
        Variant("STN_free", {"short_term": False}),
        Variant("AGN_free", {"gate": False}),
    ),
)
