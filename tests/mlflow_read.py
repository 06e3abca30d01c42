"""Prints as JSON what MLflow's Python client reads of one experiment: `mlflow_read.py URI EXPERIMENT`.

Everything the tests look at: runs with parameters, tags, whole histories of metrics, files, data sets and models; versions and aliases.
"""

import json
import sys

import mlflow
from mlflow.tracking import MlflowClient

uri, name = sys.argv[1:]
mlflow.set_tracking_uri(uri)
client = MlflowClient(uri, uri)
experiment = client.get_experiment_by_name(name)


def files(run, folder=""):
    found = []
    for item in client.list_artifacts(run, folder or None):
        found += files(run, item.path) if item.is_dir else [[item.path, item.file_size]]
    return found


def text(run, path):
    with open(client.download_artifacts(run, path), encoding="utf-8") as file:
        return file.read()


runs = []
for run in client.search_runs([experiment.experiment_id], max_results=1000) if experiment else []:
    id = run.info.run_id
    history = {key: [[m.step, repr(m.value), m.timestamp] for m in client.get_metric_history(id, key)] for key in run.data.metrics}
    names = files(id)
    runs.append({
        "id": id, "name": run.info.run_name, "status": run.info.status, "start": run.info.start_time, "end": run.info.end_time,
        "params": run.data.params, "tags": run.data.tags, "metrics": history, "files": dict(names),
        "logs": {path: text(id, path) for path, _ in names if path.startswith("logs/")},
        "datasets": [[d.dataset.name, d.dataset.digest] for d in run.inputs.dataset_inputs],
        "models": [m.model_id for m in (run.outputs.model_outputs if run.outputs else [])],
    })
models = []
for model in mlflow.search_logged_models([experiment.experiment_id], output_format="list") if experiment else []:
    models.append({
        "id": model.model_id, "name": model.name, "status": str(model.status), "run": model.source_run_id, "params": model.params,
        "metrics": {m.key: m.value for m in model.metrics or []},
        "files": sorted(item.path for item in client.list_logged_model_artifacts(model.model_id)),
    })
ids = {run["id"] for run in runs}
versions = [
    {"name": v.name, "version": v.version, "source": v.source, "run": v.run_id, "aliases": list(client.get_model_version(v.name, v.version).aliases)}
    for registered in client.search_registered_models(max_results=1000)
    for v in client.search_model_versions(f"name='{registered.name}'")
    if v.run_id in ids
]
json.dump({"runs": runs, "models": models, "versions": versions}, sys.stdout)
