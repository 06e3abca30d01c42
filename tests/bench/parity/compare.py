"""Compares the two trainings: compare.py MODEL EVALUATION TORCH RESULT. Fails where they differ by more than they may."""

import csv
import json
import os
import pathlib
import sys

model, evaluation, other, result = map(pathlib.Path, sys.argv[1:])
with open(model / "steps.csv") as file:
    losses = [float(row["loss"]) for row in csv.DictReader(file)]
with open(evaluation / "summary.json") as file:
    summary = json.load(file)
at = summary["metrics"].index("dice")
dices = [case["values"][at] for case in summary["cases"]]
dice = sum(dices) / len(dices)
torch = json.loads(other.read_text())

first = max(abs(a - b) for a, b in zip(losses[:20], torch["losses"][:20], strict=True))
apart = abs(dice - torch["dice"])
found = {"first 20 losses differ by at most": first, "test Dice": dice, "test Dice in PyTorch": torch["dice"]}
result.write_text(json.dumps(found, indent=1))
print(json.dumps(found, indent=1))
with open(os.environ["PIPE_EVENTS"], "a") as events:
    for name, value in [("loss_difference", first), ("dice_difference", apart), ("dice_torch", torch["dice"])]:
        direction = "higher" if name == "dice_torch" else "lower"
        events.write(json.dumps({"result": {"name": name, "value": value, "unit": "", "direction": direction, "case": None}}) + "\n")
if first > 1e-3:
    sys.exit(f"the first losses differ by {first}")
