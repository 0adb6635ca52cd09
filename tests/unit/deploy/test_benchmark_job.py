"""The scheduled comparison of vendors in the cluster: commands that the program takes, for every vendor there is."""

from pathlib import Path

import yaml
from evaluator.cli import parser
from runtime.catalog import load_catalog

DEPLOY = Path(__file__).parents[3] / "deploy"
CONTAINERS = yaml.safe_load((DEPLOY / "k8s/base/evaluator/benchmark.yaml").read_text())["spec"]["jobTemplate"]["spec"][
    "template"
]["spec"]["containers"]


def test_every_vendor_of_the_catalogue_is_compared_and_published() -> None:
    asked = [parser().parse_args(container["args"]) for container in CONTAINERS]
    assert [each.provider for each in asked] == [container["name"] for container in CONTAINERS]
    assert {each.provider for each in asked} == {each.name for each in load_catalog(DEPLOY / "catalog.toml").provider}
    assert all(each.command == "fvd" and each.publish and each.reference for each in asked)


def test_no_container_may_become_root_or_write_outside_its_scratch() -> None:
    for container in CONTAINERS:
        assert container["command"] == ["python", "-m", "evaluator"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
        assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/reference", "/tmp"}  # noqa: S108 - of the container
