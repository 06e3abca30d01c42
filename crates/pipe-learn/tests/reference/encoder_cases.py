"""The cases of networks.json whose networks have an encoder made for classification."""


def named(network, cases):
    """Names cases after their network and what they vary."""
    return [(f"{network}_{what}", {network: settings}, shape) for what, shape, settings in cases]


NARROW = [20, 16, 12, 8, 6]
ENCODER_UNET = named(
    "encoder_unet",
    [
        ("resnet18", [1, 1, 64, 96], {"encoder": {"resnet18": {"width": 6}}, "decoder_widths": NARROW}),
        (
            "resnet18_scse",
            [1, 3, 64, 64],
            {
                "in_channels": 3,
                "encoder": {"resnet18": {"width": 5}},
                "attention": "scse",
                "decoder_widths": [40, 32, 24, 20, 18],
            },
        ),
        (
            "resnet50_none",
            [1, 1, 64, 64],
            {"encoder": {"resnet50": {"width": 4}}, "norm": "none", "decoder_widths": NARROW, "out_channels": 2},
        ),
        (
            "mobilenet_v2_bilinear",
            [1, 1, 64, 32],
            {
                "encoder": {"mobilenet_v2": {"width": 0.25}},
                "up": "bilinear",
                "decoder_widths": NARROW,
                "head_kernel": 1,
            },
        ),
        (
            "efficientnet_b0_narrow",
            [1, 4, 64, 64],
            {
                "in_channels": 4,
                "encoder": {"efficientnet_b0": {"width": 0.25, "depth": 0.5}},
                "decoder_widths": NARROW,
                "epsilon": 0.01,
            },
        ),
        (
            "efficientnet_b1_narrow",
            [1, 1, 96, 64],
            {"encoder": {"efficientnet_b1": {"width": 0.3}}, "decoder_widths": NARROW, "head_kernel": 5},
        ),
        ("efficientnet_b0", [1, 1, 64, 64], {"encoder": {"efficientnet_b0": {}}, "decoder_widths": NARROW}),
        ("mobilenet_v2_wide", [1, 1, 32, 32], {"encoder": {"mobilenet_v2": {"width": 1.3}}, "decoder_widths": NARROW}),
    ],
)

ENCODER_UNET_PLUS_PLUS = named(
    "encoder_unet_plus_plus",
    [
        ("resnet18", [1, 1, 64, 96], {"encoder": {"resnet18": {"width": 6}}, "decoder_widths": NARROW}),
        (
            "efficientnet_b0_scse",
            [1, 1, 64, 64],
            {"encoder": {"efficientnet_b0": {}}, "decoder_widths": [32, 32, 24, 20, 16], "attention": "scse"},
        ),
        (
            "mobilenet_v2_none",
            [1, 3, 64, 64],
            {"in_channels": 3, "encoder": {"mobilenet_v2": {"width": 0.5}}, "decoder_widths": NARROW, "norm": "none"},
        ),
        (
            "efficientnet_b0_bilinear",
            [1, 1, 64, 64],
            {
                "encoder": {"efficientnet_b0": {"width": 0.5}},
                "decoder_widths": NARROW,
                "up": "bilinear",
                "out_channels": 3,
            },
        ),
        (
            "resnet50",
            [1, 1, 32, 64],
            {"encoder": {"resnet50": {"width": 4}}, "decoder_widths": NARROW, "head_kernel": 1, "epsilon": 0.001},
        ),
    ],
)

DEEPLABV3 = named(
    "deeplabv3",
    [
        ("resnet18", [1, 1, 64, 96], {"encoder": {"resnet18": {"width": 6}}, "width": 12}),
        (
            "resnet50_16",
            [1, 3, 64, 64],
            {
                "in_channels": 3,
                "encoder": {"resnet50": {"width": 4}},
                "width": 10,
                "output_stride": 16,
                "rates": [2, 4, 6],
                "out_channels": 2,
            },
        ),
        (
            "mobilenet_v2_separable",
            [1, 1, 64, 64],
            {"encoder": {"mobilenet_v2": {"width": 0.35}}, "width": 12, "separable": True, "align_corners": False},
        ),
        (
            "efficientnet_b0",
            [1, 1, 64, 96],
            {"encoder": {"efficientnet_b0": {"width": 0.25}}, "width": 8, "head_kernel": 3, "epsilon": 0.01},
        ),
        (
            "efficientnet_b1_16",
            [1, 1, 64, 64],
            {"encoder": {"efficientnet_b1": {"width": 0.25, "depth": 0.6}}, "width": 8, "output_stride": 16},
        ),
    ],
)

DEEPLABV3_PLUS = named(
    "deeplabv3_plus",
    [
        ("resnet34", [1, 1, 64, 96], {"encoder": {"resnet34": {"width": 5}}, "width": 12}),
        (
            "resnet18_8",
            [1, 1, 64, 64],
            {
                "encoder": {"resnet18": {"width": 6}},
                "width": 12,
                "output_stride": 8,
                "separable": False,
                "out_channels": 4,
            },
        ),
        (
            "mobilenet_v2_8",
            [1, 1, 64, 64],
            {
                "encoder": {"mobilenet_v2": {"width": 0.3}},
                "width": 10,
                "output_stride": 8,
                "skip_width": 7,
                "rates": [3, 6, 9],
            },
        ),
        (
            "efficientnet_b0",
            [2, 3, 64, 32],
            {
                "in_channels": 3,
                "encoder": {"efficientnet_b0": {"width": 0.25}},
                "width": 8,
                "align_corners": False,
                "head_kernel": 3,
            },
        ),
        (
            "resnet50_8",
            [1, 1, 64, 64],
            {"encoder": {"resnet50": {"width": 3}}, "width": 8, "output_stride": 8, "epsilon": 0.01},
        ),
        (
            "efficientnet_b1_8",
            [1, 1, 64, 64],
            {"encoder": {"efficientnet_b1": {"width": 0.25, "depth": 0.5}}, "width": 8, "output_stride": 8},
        ),
    ],
)

DEEPLABV3_PLUS_ECA = named(
    "deeplabv3_plus_eca",
    [
        ("narrow", [1, 1, 64, 96], {"in_channels": 1, "encoder_width": 0.25, "width": 14, "skip_width": 10}),
        ("stride_8", [1, 3, 64, 64], {"encoder_width": 0.25, "output_stride": 8, "width": 12, "out_channels": 1}),
        (
            "without_attention",
            [1, 3, 64, 64],
            {"encoder_width": 0.35, "eca_skip": False, "eca_aspp": False, "width": 8, "bias": False},
        ),
        (
            "kernel_7",
            [1, 3, 48, 64],
            {"encoder_width": 0.25, "eca_kernel": 7, "width": 9, "align_corners": False, "rates": [2, 4, 6, 8]},
        ),
        (
            "skip_only",
            [1, 3, 32, 32],
            {"encoder_width": 0.25, "eca_aspp": False, "width": 8, "epsilon": 0.01, "out_channels": 3},
        ),
    ],
)
