"""What is timed, from systems.txt, which gpu.sh reads too."""

import pathlib
from typing import NamedTuple


class System(NamedTuple):
    title: str
    network: str
    input: list
    steps: int
    trial: list


def read():
    text = (pathlib.Path(__file__).resolve().parent / "systems.txt").read_text()
    systems = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, title, network, shape, steps, trial = (cell.strip() for cell in line.split(" | "))
            numbers = [[int(side) for side in cell.split(",")] for cell in (shape, trial)]
            systems[name] = System(title, network, numbers[0], int(steps), numbers[1])
    return systems
