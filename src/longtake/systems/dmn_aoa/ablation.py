"""DMN-AOA's ablation: its parts (A), and which frames are kept (B)."""

from longtake.systems.ablation import Ablation, Variant

ABLATION = Ablation(
    "DMN-AOA, table 3, A and B; its rows C and D are other trainings and another detector",
    "the paper does not say whether it trained the rows of A anew; those of B need no training",
    (
        Variant("F0 full"),
        Variant("A1 base", {"dynamic_memory": False, "alignment": False}),
        Variant("A2 base with DMN", {"alignment": False}),
        Variant("A3 base with AOA", {"dynamic_memory": False}),
        Variant("A4 frame memory", {"frame_memory": True}),
        Variant("A5 without matcher", {"matcher": False}),
        Variant("A6 without RefineNet", {"refinement": False}),
        Variant("B1 first frame only", {"memory": "first"}),
        Variant("B2 previous frame only", {"memory": "previous"}),
        Variant("B3 first and previous", {"memory": "first+previous"}),
        Variant("B4 all past frames", {"memory": "all"}),
    ),
)
