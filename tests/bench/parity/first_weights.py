"""First weights of one seed, drawn as PyTorch draws them: first_weights.py SEED FILE."""

import sys

import torch
from safetensors.torch import save_file

from unet import UNet

seed, path = sys.argv[1:]
torch.manual_seed(int(seed))
weights = {name: value for name, value in UNet().state_dict().items() if not name.endswith("num_batches_tracked")}
save_file(weights, path)
