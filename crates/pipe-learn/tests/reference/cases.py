"""The cases of networks.json: name, network with its settings as in YAML, shape of the input."""

from encoder_cases import DEEPLABV3, DEEPLABV3_PLUS, DEEPLABV3_PLUS_ECA, ENCODER_UNET, ENCODER_UNET_PLUS_PLUS, named

GOLDEN = [
    ("A1_oct_deeplab_os16", {"deeplabv3_plus_eca": {}}, [1, 3, 64, 64]),
    ("A2_svsnet_port", {"svsnet": {"bias": False, "epsilon": 1e-5, "label": "last"}}, [1, 1, 4, 64, 64]),
    (
        "A2_svsnet_port_no_att6_as_in_figure",
        {"svsnet": {"bias": False, "epsilon": 1e-5, "label": "last", "skip_attention": False}},
        [1, 1, 4, 64, 64],
    ),
    ("A6_resunetpp", {"resunet_plus_plus": {}}, [1, 3, 64, 64]),
    ("A6_unet64_bn", {"unet": {"in_channels": 3}}, [1, 3, 64, 64]),
    ("A6_unetpp_nobn_transposed", {"unet_plus_plus": {"in_channels": 3}}, [1, 3, 64, 64]),
    ("smp_Unet_resnet34", {"encoder_unet": {"out_channels": 3}}, [1, 1, 64, 64]),
    (
        "smp_Unet_efficientnet-b1",
        {"encoder_unet": {"out_channels": 3, "encoder": {"efficientnet_b1": {}}}},
        [1, 1, 64, 64],
    ),
    (
        "smp_UnetPlusPlus_efficientnet-b1",
        {"encoder_unet_plus_plus": {"out_channels": 3, "encoder": {"efficientnet_b1": {}}}},
        [1, 1, 64, 64],
    ),
    (
        "smp_DeepLabV3_efficientnet-b1",
        {"deeplabv3": {"out_channels": 3, "encoder": {"efficientnet_b1": {}}}},
        [1, 1, 64, 64],
    ),
    (
        "smp_DeepLabV3Plus_mobilenet_v2",
        {"deeplabv3_plus": {"out_channels": 3, "encoder": {"mobilenet_v2": {}}}},
        [1, 1, 64, 64],
    ),
    ("B1_nnunet_plain2d_5stages", {"nnunet": {"stages": 5}}, [1, 1, 64, 64]),
]


UNET = named(
    "unet",
    [
        ("bilinear", [1, 1, 48, 32], {"width": 6, "depth": 3, "up": "bilinear", "out_channels": 3}),
        (
            "nearest_instance",
            [2, 3, 32, 48],
            {"in_channels": 3, "width": 4, "depth": 2, "up": "nearest", "norm": "instance"},
        ),
        (
            "widths_odd",
            [1, 2, 24, 40],
            {"in_channels": 2, "widths": [5, 7, 12, 9], "norm": "none", "activation": "leaky_relu", "slope": 0.2},
        ),
        (
            "widths_odd_bilinear",
            [1, 1, 24, 40],
            {"widths": [5, 7, 12, 9], "up": "bilinear", "epsilon": 0.01, "bias": False},
        ),
        ("valid", [1, 1, 52, 36], {"width": 4, "depth": 2, "padding": "valid", "norm": "none", "out_channels": 2}),
        ("valid_batch", [1, 1, 52, 60], {"width": 3, "depth": 3, "padding": "valid", "bias": False}),
        ("valid_bilinear", [1, 1, 36, 44], {"width": 4, "depth": 2, "padding": "valid", "up": "bilinear"}),
        (
            "frames_elu",
            [1, 2, 3, 32, 32],
            {"in_channels": 6, "width": 5, "depth": 2, "activation": "elu", "dropout": 0.5},
        ),
        (
            "gelu",
            [1, 1, 32, 32],
            {"width": 4, "depth": 2, "activation": "gelu", "norm": "instance", "epsilon": 0.001, "init": "glorot"},
        ),
        (
            "silu_depth_5",
            [1, 1, 64, 32],
            {"width": 3, "depth": 5, "activation": "silu", "bias": False, "momentum": 0.3},
        ),
        ("without_norm_bias_false", [1, 1, 32, 32], {"width": 4, "depth": 2, "norm": "none", "bias": False}),
    ],
)

UNET_PLUS_PLUS = named(
    "unet_plus_plus",
    [
        ("bilinear_batch", [1, 1, 48, 32], {"width": 4, "up": "bilinear", "norm": "batch", "out_channels": 2}),
        (
            "nearest_instance",
            [1, 2, 32, 48],
            {"in_channels": 2, "width": 5, "depth": 3, "up": "nearest", "norm": "instance", "bias": False},
        ),
        ("deep", [1, 1, 32, 32], {"width": 4, "depth": 3, "deep_supervision": True}),
        ("mean", [1, 1, 32, 32], {"width": 4, "depth": 3, "deep_supervision": True, "output": "mean", "norm": "batch"}),
        (
            "mean_of_classes",
            [2, 1, 16, 24],
            {"out_channels": 4, "width": 4, "depth": 3, "deep_supervision": True, "output": "mean"},
        ),
        ("pruned", [1, 1, 32, 32], {"width": 4, "deep_supervision": True, "output": {"head": 2}, "activation": "elu"}),
        ("pruned_to_one", [1, 1, 32, 32], {"width": 4, "depth": 3, "deep_supervision": True, "output": {"head": 1}}),
        (
            "head_4",
            [1, 3, 32, 32],
            {"in_channels": 3, "width": 3, "output": {"head": 4}, "norm": "batch", "bias": False, "epsilon": 0.001},
        ),
        ("gelu", [1, 1, 16, 16], {"width": 4, "depth": 2, "activation": "gelu"}),
    ],
)

ATTENTION_UNET = named(
    "attention_unet",
    [
        ("nearest", [1, 3, 48, 32], {"in_channels": 3, "width": 6, "out_channels": 2}),
        ("bilinear_gate", [1, 1, 32, 48], {"width": 4, "depth": 3, "up": "bilinear", "gate": 5}),
        ("transposed_none", [1, 1, 32, 32], {"width": 4, "depth": 3, "up": "transposed", "norm": "none"}),
        ("without_attention", [1, 1, 32, 32], {"width": 4, "depth": 3, "attention": False, "bias": False}),
        (
            "instance_leaky",
            [2, 1, 16, 24],
            {"width": 5, "depth": 2, "norm": "instance", "activation": "leaky_relu", "slope": 0.1},
        ),
        (
            "transposed_batch",
            [1, 1, 32, 32],
            {"width": 4, "depth": 2, "up": "transposed", "bias": False, "epsilon": 0.01, "activation": "silu"},
        ),
        ("full", [1, 3, 32, 32], {"in_channels": 3}),
    ],
)

RESUNET_PLUS_PLUS = named(
    "resunet_plus_plus",
    [
        (
            "narrow_bilinear",
            [1, 1, 48, 64],
            {"in_channels": 1, "out_channels": 3, "widths": [8, 8, 16, 24, 32], "up": "bilinear", "epsilon": 0.01},
        ),
        ("plain", [1, 3, 32, 32], {"widths": [5, 6, 7, 8, 9], "squeeze": False, "attention": False}),
        (
            "without_bias",
            [1, 3, 32, 48],
            {"widths": [4, 8, 16, 16, 20], "reduction": 4, "rates": [1, 2, 3], "bias": False},
        ),
        ("without_squeeze", [2, 3, 16, 16], {"widths": [4, 4, 8, 8, 8], "squeeze": False, "rates": [1, 6]}),
        ("without_attention", [1, 3, 32, 32], {"widths": [8, 8, 8, 16, 16], "attention": False, "reduction": 2}),
    ],
)

ENCODER_DECODER = named(
    "encoder_decoder",
    [
        ("batch", [1, 1, 64, 48], {"widths": [4, 6, 8, 10], "aspp_width": 12, "out_channels": 4}),
        (
            "instance_skips",
            [1, 3, 32, 48],
            {
                "in_channels": 3,
                "widths": [4, 5, 6],
                "aspp_width": 7,
                "norm": "instance",
                "skips": True,
                "up": "transposed",
            },
        ),
        (
            "none_nearest",
            [2, 1, 32, 32],
            {
                "widths": [5, 6, 7],
                "aspp_width": 8,
                "norm": "none",
                "up": "nearest",
                "image_pool": False,
                "activation": "elu",
            },
        ),
        (
            "corners",
            [1, 1, 32, 32],
            {
                "widths": [4, 8, 8],
                "aspp_width": 8,
                "align_corners": False,
                "rates": [1, 2, 4],
                "bias": False,
                "skips": True,
            },
        ),
        (
            "transposed",
            [1, 1, 32, 64],
            {
                "widths": [4, 8, 8, 12],
                "aspp_width": 6,
                "up": "transposed",
                "rates": [3],
                "epsilon": 0.01,
                "activation": "leaky_relu",
            },
        ),
        ("standard", [1, 1, 64, 64], {"out_channels": 4}),
    ],
)

SVSNET = named(
    "svsnet",
    [
        ("published", [1, 1, 4, 64, 64], {"widths": [4, 6, 8, 10, 12, 14, 16]}),
        (
            "two_frames",
            [1, 3, 2, 32, 48],
            {"in_channels": 3, "frames": 2, "label": "last", "widths": [4, 6, 8, 10, 12], "epsilon": 1e-5},
        ),
        (
            "without_fusion",
            [1, 1, 3, 32, 32],
            {"frames": 3, "fusion_attention": False, "widths": [4, 6, 8, 10], "bias": False},
        ),
        (
            "without_attention",
            [1, 1, 4, 16, 16],
            {"widths": [5, 7, 9], "skip_attention": False, "fusion_attention": False, "out_channels": 3},
        ),
        ("one_frame", [2, 1, 1, 32, 32], {"frames": 1, "label": {"index": 0}, "widths": [4, 6, 8]}),
    ],
)

NNUNET = named(
    "nnunet",
    [
        (
            "widths_odd",
            [1, 3, 32, 48],
            {"in_channels": 3, "widths": [5, 7, 9, 11], "convolutions": 1, "decoder_convolutions": 3},
        ),
        (
            "batch",
            [1, 1, 32, 32],
            {"widths": [4, 8, 12], "norm": "batch", "bias": False, "deep_supervision": False, "out_channels": 1},
        ),
        (
            "none",
            [1, 1, 32, 32],
            {
                "widths": [4, 8, 12],
                "norm": "none",
                "activation": "relu",
                "encoder_convolutions": [1, 2, 3],
                "bias": False,
            },
        ),
        (
            "anisotropic_2d",
            [1, 1, 24, 64],
            {
                "widths": [4, 6, 8, 10],
                "kernels": [[1, 3], [3, 3], [3, 3], [3, 3]],
                "strides": [[1, 1], [1, 2], [2, 2], [2, 2]],
                "slope": 0.1,
            },
        ),
        ("3d", [1, 1, 16, 24, 16], {"dimensions": 3, "widths": [4, 6, 8], "out_channels": 3}),
        (
            "3d_anisotropic",
            [1, 2, 6, 32, 24],
            {
                "dimensions": 3,
                "in_channels": 2,
                "widths": [4, 6, 8, 9],
                "kernels": [[1, 3, 3], [1, 3, 3], [3, 3, 3], [3, 3, 3]],
                "strides": [[1, 1, 1], [1, 2, 2], [1, 2, 2], [2, 2, 2]],
                "bias": False,
                "epsilon": 0.001,
            },
        ),
        (
            "3d_batch",
            [2, 1, 8, 16, 16],
            {"dimensions": 3, "widths": [3, 5, 7], "norm": "batch", "activation": "elu", "out_channels": 1},
        ),
        ("3d_stages", [1, 1, 8, 8, 16], {"dimensions": 3, "stages": 3, "convolutions": 1, "decoder_convolutions": 1}),
    ],
)

NNUNET_RESIDUAL = named(
    "nnunet_residual",
    [
        ("2d", [1, 1, 64, 32], {"widths": [4, 6, 8, 10]}),
        (
            "2d_blocks",
            [1, 3, 32, 32],
            {
                "in_channels": 3,
                "widths": [4, 4, 8],
                "blocks": [1, 2, 2],
                "decoder_convolutions": 2,
                "norm": "batch",
                "bias": False,
            },
        ),
        ("3d", [1, 1, 16, 16, 24], {"dimensions": 3, "widths": [4, 6, 8], "out_channels": 3, "blocks": [1, 1, 2]}),
        (
            "3d_anisotropic",
            [1, 1, 6, 24, 32],
            {
                "dimensions": 3,
                "widths": [3, 5, 5, 7],
                "kernels": [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]],
                "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2], [1, 2, 2]],
                "blocks": [1, 2, 1, 1],
                "deep_supervision": False,
            },
        ),
        ("none", [1, 1, 32, 32], {"widths": [4, 6, 8], "norm": "none", "activation": "silu", "blocks": [1, 1, 1]}),
        ("seven_stages", [1, 1, 128, 128], {"widths": [3, 3, 4, 4, 5, 5, 6]}),
    ],
)

CASES = [
    *GOLDEN,
    *UNET,
    *UNET_PLUS_PLUS,
    *ATTENTION_UNET,
    *RESUNET_PLUS_PLUS,
    *ENCODER_UNET,
    *ENCODER_UNET_PLUS_PLUS,
    *DEEPLABV3,
    *DEEPLABV3_PLUS,
    *DEEPLABV3_PLUS_ECA,
    *ENCODER_DECODER,
    *SVSNET,
    *NNUNET,
    *NNUNET_RESIDUAL,
]
