"""The cases of networks.json: name, network with its settings as in YAML, shape of the input."""

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
CASES = GOLDEN
