"""Recomputes Dice, case by case, from the packed prediction and data files, and compares it with the report.

Usage: recompute_dice.py REPORT.json STATUS.json RUNS_FOLDER. Needs numpy. Shares no code with `pipe`: it reads the pack
format as crates/pipe-image/src/pack/mod.rs describes it.
"""

import json
import pathlib
import sys

import numpy


def read_pack(path):
    """Index entries by id, with their arrays."""
    raise NotImplementedError
