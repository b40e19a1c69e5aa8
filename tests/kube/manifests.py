"""What the tests of the manifests share: an overlay as objects, and how these name each other. Needs kubectl, PyYAML."""

import functools
import subprocess

import yaml

NAME = "app.kubernetes.io/name"
WORKLOADS = ("Deployment", "StatefulSet", "Job", "CronJob")


@functools.cache
def build(root, overlay):
    command = ["kubectl", "kustomize", root / "k8s/overlays" / overlay]
    return list(yaml.safe_load_all(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))


def pod_of(workload):
    spec = workload["spec"]
    if workload["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]


def of_kind(objects, *kinds):
    return [o for o in objects if o["kind"] in kinds]


def called(thing):
    return f"{thing['kind']} {thing['metadata']['name']}"


def containers(pod):
    return pod["spec"].get("initContainers", []) + pod["spec"]["containers"]


def pods_by_name(objects):
    """The pods that a label names; several when a job has it, too."""
    return {pod_of(w)["metadata"]["labels"][NAME]: w for w in of_kind(objects, *WORKLOADS)}


def ports_of(workload):
    listed = pod_of(workload)["spec"]["containers"][0].get("ports", [])
    return {p["name"]: p["containerPort"] for p in listed}


def selected(selector):
    if "matchLabels" in selector:
        return [selector["matchLabels"][NAME]]
    return [name for e in selector.get("matchExpressions", []) for name in e["values"]]
