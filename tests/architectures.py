"""Which models of other people do the tests convert? Small ones of five packages, with random weights."""

import efficientnet_pytorch
import monai.networks.nets as monai
import torch
import transformers
import unet
import x_unet

STAGES = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
SPEECH = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


def _unet():
    return monai.UNet(3, 1, 2, channels=(4, 8, 16), strides=(2, 2), num_res_units=1)


def _densenet():
    return monai.DenseNet(2, 3, 5, init_features=8, growth_rate=4, block_config=(2, 2, 2))


def _efficientnet():
    return monai.EfficientNetBN("efficientnet-b0", pretrained=False, num_classes=5)


def _vnet():
    return monai.VNet(2)


def _resnet():
    return transformers.ResNetForImageClassification(transformers.ResNetConfig(embedding_size=8, **STAGES))


def _convnext():
    return transformers.ConvNextForImageClassification(transformers.ConvNextConfig(**STAGES))


def _mobilevit():
    sizes = {"hidden_sizes": [16, 24, 32], "neck_hidden_sizes": [4, 8, 8, 16, 16, 16, 32]}
    return transformers.MobileViTForImageClassification(transformers.MobileViTConfig(**sizes))


def _bit():
    stages = {**STAGES, "hidden_sizes": [32, 32, 32, 32]}
    return transformers.BitForImageClassification(transformers.BitConfig(embedding_size=32, num_groups=8, **stages))


def _depthwise():
    words = {"width_coefficient": 0.5, "depth_coefficient": 0.5, "hidden_dim": 640}
    return transformers.EfficientNetForImageClassification(transformers.EfficientNetConfig(**words))


def _hifigan():
    return transformers.SpeechT5HifiGan(transformers.SpeechT5HifiGanConfig(model_in_dim=8, upsample_initial_channel=32))


def _wav2vec2():
    layers = {"conv_dim": (8, 8, 8), "conv_stride": (5, 2, 2), "conv_kernel": (10, 3, 3)}
    position = {"num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 4}
    return transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**SPEECH, **layers, **position))


def _same_padding():
    words = {"width_coefficient": 0.5, "depth_coefficient": 0.2, "image_size": 32, "dropout_rate": 0.0}
    blocks = ["r1_k3_s11_e1_i32_o16_se0.25", "r2_k5_s22_e6_i16_o24_se0.25", "r1_k3_s11_e6_i24_o32_se0.25"]
    decoded = efficientnet_pytorch.utils.BlockDecoder.decode(blocks)
    _, options = efficientnet_pytorch.utils.efficientnet(num_classes=5, **words)
    return efficientnet_pytorch.EfficientNet(decoded, options)


def _unet2d():
    words = {"normalization": "batch", "padding": 1, "padding_mode": "reflect", "residual": True}
    return unet.UNet2D(1, 2, num_encoding_blocks=3, out_channels_first_layer=4, **words)


def _unet3d_of_linear_upsampling():
    words = {"pooling_type": "avg", "upsampling_type": "linear", "preactivation": True, "padding": 1}
    return unet.UNet3D(1, 2, num_encoding_blocks=2, out_channels_first_layer=4, **words)


def _xunet():
    words = {"dim_mults": (1, 2), "num_blocks_per_stage": (1, 1), "num_self_attn_per_stage": (0, 1)}
    nested = {"nested_unet_depths": (1, 0), "nested_unet_dim": 8, "attn_heads": 2, "attn_dim_head": 8}
    return x_unet.XUnet(dim=8, channels=2, frame_kernel_size=3, weight_standardize=True, **words, **nested)


ARCHITECTURES = {
    "unet3d": (_unet, (2, 1, 16, 16, 16)),
    "vnet": (_vnet, (2, 1, 16, 16)),
    "densenet": (_densenet, (2, 3, 32, 32)),
    "efficientnet": (_efficientnet, (2, 3, 64, 64)),
    "resnet": (_resnet, (2, 3, 32, 32)),
    "convnext": (_convnext, (2, 3, 32, 32)),
    "mobilevit": (_mobilevit, (2, 3, 64, 64)),
    "bit": (_bit, (2, 3, 64, 64)),
    "depthwise_efficientnet": (_depthwise, (2, 3, 64, 64)),
    "hifigan": (_hifigan, (2, 6, 8)),
    "wav2vec2": (_wav2vec2, (2, 400)),
    "same_padding_efficientnet": (_same_padding, (2, 3, 32, 32)),
    "unet2d": (_unet2d, (2, 1, 16, 16)),
    "unet3d_avg": (_unet3d_of_linear_upsampling, (1, 1, 8, 8, 8)),
    "xunet": (_xunet, (1, 2, 3, 16, 16)),
}


def built(name):
    """Return (model in eval mode, example) in float64, weights and normalisations such that no output fades to 0."""
    torch.manual_seed(0)
    build, shape = ARCHITECTURES[name]
    model, example = build().double(), torch.randn(shape, dtype=torch.float64)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.kaiming_normal_(parameter)
    for module in model.eval().modules():
        if isinstance(module, torch.nn.modules.batchnorm._NormBase):
            module.reset_parameters()
            module.train().momentum = None  # the statistics of this one batch
    with torch.no_grad():
        model(example)
    return model.eval(), example


def computed(model, example):
    """Return [output, gradient of the example, gradients of all parameters (None where unused)]."""
    x = example.clone().requires_grad_()
    y = model(x)
    while not isinstance(y, torch.Tensor):
        y = y[0]
    direction = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    leaves = [x, *(parameter for parameter in model.parameters() if parameter.requires_grad)]
    return [y.detach(), *torch.autograd.grad(y, leaves, direction, allow_unused=True)]
