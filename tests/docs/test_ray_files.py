"""The examples of docs/ray.md for machines and for Kubernetes, as the installed Ray reads them."""

import importlib
import importlib.metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from memstore.home_names import HomeName
from memstore.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def ray_folder() -> Path:
    ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
    return Path(ray.__file__).parent


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((DOCS / name).read_text(encoding="utf-8"))


def manifest() -> dict[str, Any]:
    return read("ray-kubernetes.yaml")


def pods() -> list[dict[str, Any]]:
    spec = manifest()["spec"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups]


def test_the_cluster_is_one_that_ray_takes(ray_folder: Path) -> None:
    """Ray's own reading, as `ray up` begins: defaults are filled in, then a schema is asked."""
    reading = importlib.import_module("ray.autoscaler._private.util")
    found = reading.prepare_config(read("ray-cluster.yaml"))
    reading.validate_config(found)
    (nodes,) = found["available_node_types"].values()
    assert (nodes["min_workers"], nodes["max_workers"]) == (2, 2)


def test_the_manifest_gives_the_nodes_that_its_page_says(ray_folder: Path) -> None:
    """Ray's own reading of a RayCluster, which its autoscaler uses."""
    reading = importlib.import_module("ray.autoscaler._private.kuberay.autoscaling_config")
    given = manifest()
    given["metadata"]["namespace"] = "default"
    found = reading._derive_autoscaling_config_from_ray_cr(given)
    types = found["available_node_types"]
    assert types["headgroup"]["resources"]["CPU"] == 0
    trainers = types["trainers"]
    assert (trainers["min_workers"], trainers["max_workers"]) == (2, 2)
    assert trainers["resources"]["CPU"] == 8
    assert trainers["resources"]["GPU"] == 1
    assert trainers["resources"]["memory"] == 32 << 30


def test_the_versions_are_those_that_are_tested(ray_folder: Path) -> None:
    version = importlib.metadata.version("ray")
    assert manifest()["spec"]["rayVersion"] == version
    assert f"rayproject/ray:{version}-py311" in (DOCS / "ray-kubernetes.yaml").read_text("utf-8")


def test_every_mount_has_its_volume_and_every_variable_is_a_setting() -> None:
    page = (DOCS / "ray-kubernetes.yaml").read_text(encoding="utf-8")
    settings = {f"MEMREWARD_{name.upper()}" for name in Settings.model_fields}
    for pod in pods():
        (container,) = pod["containers"]
        named = {one["name"]: one["value"] for one in container["env"]}
        assert {name for name in named if name.startswith("MEMREWARD")} <= settings
        mounted = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
        assert set(mounted) == {volume["name"] for volume in pod["volumes"]}
        assert mounted["snapshots"] == named["MEMREWARD_HOME"]
        assert mounted["checkpoints"] == f"{named['MEMREWARD_HOME']}/{HomeName.CHECKPOINTS}"
        assert container["resources"]["requests"] == container["resources"]["limits"]
    assert {"MEMREWARD_POSTGRES_DSN", "MEMREWARD_NEO4J_URI", "MEMREWARD_NEO4J_PASSWORD"} <= settings
    assert all(name in page for name in settings if "POSTGRES_DSN" in name or "NEO4J_URI" in name)
