"""Checks the house rules that no compiler checks: dependency levels, file lengths, forgotten files, texts.

Does not know what the code does. Standard library only: `python3 tests/tidy.py` from anywhere.
"""

import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Level of each crate (crates/README.md). A crate may depend only on crates of a lower level.
LEVEL = {
    "pipe-spec": 0, "pipe-store": 0, "pipe-image": 0, "pipe-metrics": 0, "pipe-kernels": 0,
    "pipe-engine": 1, "pipe-learn": 1, "pipe-report": 1,
    "pipe-sweep": 2, "pipe-stages": 2, "pipe-mlflow": 2,
    "pipe": 3,
}
# What a crate may name among the others, beyond its level.
ALLOWED = {
    "pipe-engine": {"pipe-spec", "pipe-store"},
    "pipe-learn": {"pipe-image", "pipe-metrics", "pipe-kernels"},
    "pipe-report": {"pipe-spec", "pipe-store", "pipe-metrics"},
    "pipe-mlflow": {"pipe-store", "pipe-engine"},
}
# Crates that only one crate of ours may use: "the only crate that knows ...".
ONLY = {
    "rusqlite": {"pipe-store"}, "saphyr-parser": {"pipe-spec"}, "burn": {"pipe-learn", "pipe-kernels"},
    "gemm": {"pipe-kernels"}, "clap": {"pipe"}, "indicatif": {"pipe"}, "petgraph": {"pipe-engine"},
    "reqwest": {"pipe-mlflow"}, "rustls": {"pipe-mlflow"},
}
# Files in which `unsafe` may stand, beside the crate pipe-kernels.
UNSAFE = {"crates/pipe-image/src/pack/map.rs", "crates/pipe-engine/src/executors/spawn.rs"}
LONGEST = 400

problems = []


def tracked(*patterns):
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return [name for name in names if name and (ROOT / name).is_file()]


def manifests():
    for manifest in sorted(ROOT.glob("crates/*/Cargo.toml")):
        table = tomllib.loads(manifest.read_text())
        name = table["package"]["name"]
        if name != manifest.parent.name:
            problems.append(f"{manifest.parent.name}: the package is called {name}")
        if name not in LEVEL:
            problems.append(f"{name}: no level; add it to tests/tidy.py and crates/README.md")
            continue
        if table["package"].get("publish") not in (False, {"workspace": True}):
            problems.append(f"{name}: publish must be false")
        for dependency in table.get("dependencies", {}):
            if dependency in LEVEL:
                if LEVEL[dependency] >= LEVEL[name]:
                    problems.append(f"{name} (level {LEVEL[name]}) depends on {dependency} (level {LEVEL[dependency]})")
                if dependency not in ALLOWED.get(name, {dependency}):
                    problems.append(f"{name} may not depend on {dependency}")
            elif name not in ONLY.get(dependency, {name}):
                problems.append(f"{name} depends on {dependency}, which only {sorted(ONLY[dependency])} may")


def sources():
    for name in tracked("*.rs"):
        text = (ROOT / name).read_text()
        lines = text.count("\n")
        if lines > LONGEST:
            problems.append(f"{name}: {lines} lines, at most {LONGEST}")
        if not text.startswith("//!"):
            problems.append(f"{name}: line 1 does not say what the file is (`//! ...`)")
        code = re.sub(r"//[^\n]*", "", text)
        if re.search(r"\bunsafe\b\s*(\{|fn|impl|extern)", code) and not name.startswith("crates/pipe-kernels/") and name not in UNSAFE:
            problems.append(f"{name}: unsafe stands in a file that may not hold it")
        if re.search(r"#!?\[allow\(", code):
            problems.append(f"{name}: #[allow]; use #[expect(lint, reason = \"...\")]")
        if re.search(r"\bHash(Map|Set)\b", code):
            problems.append(f"{name}: HashMap or HashSet; its order is not repeatable")
        if re.search(r"serde\((untagged|flatten)|serde\([^)]*\btag\s*=", code):
            problems.append(f"{name}: untagged, flattened or internally tagged serde; paths and unknown keys are lost")
    for name in tracked("crates/*/src/**/*.rs"):
        path = ROOT / name
        if path.name in ("lib.rs", "main.rs", "mod.rs"):
            continue
        folder = path.parent
        parents = [folder / "mod.rs", folder / "lib.rs", folder / "main.rs", folder.parent / f"{folder.name}.rs"]
        declared = any(
            parent.exists() and re.search(rf"\bmod\s+{re.escape(path.stem)}\s*;", parent.read_text()) for parent in parents
        )
        if not declared and "/bin/" not in name:
            problems.append(f"{name}: a forgotten file, no `mod {path.stem};` names it")


def texts():
    machine = re.compile(r"/(work|farm|root|home)/[a-z.]|/\.library\b|index\.crates|artifactory")
    for name in tracked("*.rs", "*.md", "*.yaml", "*.toml", "*.py", "*.sh", ".ci/run", "tests/run", "tests/setup"):
        if name == "tests/tidy.py":
            continue
        for number, line in enumerate((ROOT / name).read_text().split("\n"), 1):
            if machine.search(line):
                problems.append(f"{name}:{number}: names a path or host of one machine")
    for name in tracked("experiments/*.yaml", "experiments/**/*.yaml", "pipelines/*.yaml", "pipelines/**/*.yaml"):
        first = (ROOT / name).read_text().split("\n", 1)[0]
        if not re.match(r"# yaml-language-server: \$schema=\S+\.schema\.json$", first):
            problems.append(f"{name}: line 1 does not name its schema")
        else:
            schema = (ROOT / name).parent / first.split("$schema=")[1]
            if not schema.exists():
                problems.append(f"{name}: its schema {schema.name} does not exist")
    commands = re.findall(r"^\$ (.+)$", (ROOT / "README.md").read_text().split("## ")[0], re.MULTILINE)
    if len(commands) != 2:
        problems.append(f"README.md: {len(commands)} set-up commands before its first section, not two")


manifests()
sources()
texts()
for problem in problems:
    print(f"tidy: {problem}", file=sys.stderr)
print(f"tidy: {len(problems)} problems")
sys.exit(1 if problems else 0)
