"""The chart renders to valid, restricted, reachable objects for each values file under `helm/appliance/ci`."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from appliance.base.secret_files import Secret
from appliance.base.settings import known_variables

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "appliance"
HELM = Path(sys.executable).parent / "helm"
CASES = sorted(path.stem.removesuffix("-values") for path in (CHART / "ci").glob("*-values.yaml"))
KUBERNETES = "1.31"
RENDERED = re.compile(r"# Source: appliance/templates/(\S+)\n(.*?)(?=\n---|\Z)", re.DOTALL)
WITH_API_TOKEN = {"reconciler", "secrets"}

Manifest = dict[str, Any]

every_case = pytest.mark.parametrize("case", CASES)


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HELM, *arguments], capture_output=True, text=True, check=False, timeout=60)


@cache
def render_text(case: str, *flags: str) -> str:
    values = str(CHART / "ci" / f"{case}-values.yaml")
    done = helm("template", "box", str(CHART), "--namespace", "sails", "-f", values, *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def render(case: str) -> list[Manifest]:
    """Parsed once; tests only read it."""
    return [document for document in yaml.load_all(render_text(case), Loader=yaml.CSafeLoader) if document]


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    return next(found for found in of_kind(manifests, kind) if found["metadata"]["name"] == name)


def pods(manifests: list[Manifest]) -> Iterator[Manifest]:
    """Every pod that comes of the manifests, as `{metadata, spec}`."""
    for manifest in manifests:
        if manifest["kind"] == "Pod":
            yield manifest
        elif manifest["kind"] == "RayCluster":
            yield manifest["spec"]["headGroupSpec"]["template"]
            yield from (group["template"] for group in manifest["spec"]["workerGroupSpecs"])
        elif "template" in manifest.get("spec", {}):
            yield manifest["spec"]["template"]


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def component(manifest: Manifest) -> str:
    return manifest["metadata"]["labels"]["app.kubernetes.io/component"]


def matches(selector: dict[str, str], pod: Manifest) -> bool:
    return selector.items() <= pod["metadata"]["labels"].items()


def test_lint_is_clean() -> None:
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout


@every_case
def test_every_object_is_valid(case: str) -> None:
    manifests = render(case)
    assert len(of_kind(manifests, "RayCluster")) == 1
    for manifest in manifests:
        if manifest["kind"] != "RayCluster":
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    for pod in pods(of_kind(manifests, "RayCluster")):
        kubernetes_validate.validate({"apiVersion": "v1", "kind": "Pod", **pod}, KUBERNETES, strict=True)


@every_case
def test_one_object_per_template_named_by_component_and_kind(case: str) -> None:
    for source, body in RENDERED.findall(render_text(case)):
        manifest = yaml.load(body, Loader=yaml.CSafeLoader)
        if not manifest:
            continue
        name, kind = manifest["metadata"]["name"], manifest["kind"].lower()
        assert re.fullmatch(r"box(-[a-z0-9]+)+", name)
        assert len(name) <= 63
        assert Path(source).name in {f"{name.removeprefix('box-')}-{kind}.yaml", "reach-pod.yaml"}
        assert manifest["metadata"]["namespace"] == "sails"
        assert manifest["metadata"]["labels"]["helm.sh/chart"].startswith("appliance-")


@every_case
def test_images_are_pinned(case: str) -> None:
    for pod in pods(render(case)):
        for container in containers(pod):
            assert re.search(r"(:[\w.-]+|@sha256:[a-f0-9]{64})$", container["image"])
            assert not container["image"].endswith(":latest")


def test_a_registry_mirror_holds_every_image() -> None:
    manifests = render("airgap")
    for pod in pods(manifests):
        assert pod["spec"]["imagePullSecrets"] == [{"name": "registry-login"}]
        for container in containers(pod):
            assert container["image"].startswith("registry.example.internal:5000/mirror/")
            assert "@sha256:" in container["image"]


@every_case
def test_pods_are_restricted(case: str) -> None:
    for pod in pods(render(case)):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["enableServiceLinks"] is False
        assert spec["automountServiceAccountToken"] is (component(pod) in WITH_API_TOKEN)
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]


def test_openshift_chooses_the_users() -> None:
    for pod in pods(render("openshift")):
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & pod["spec"]["securityContext"].keys()


@every_case
def test_every_setting_of_ours_exists(case: str) -> None:
    names = {
        entry["name"]
        for pod in pods(render(case))
        for container in containers(pod)
        for entry in container.get("env", [])
        if entry["name"].startswith("APPLIANCE_")
    }
    assert names
    assert names <= known_variables()


@every_case
def test_the_data_path_knows_no_database(case: str) -> None:
    for pod in pods(render(case)):
        if component(pod) not in {"gateway", "ray-head", "ray-worker"}:
            continue
        assert "DATABASE" not in str(pod)
        assert "postgres" not in str(pod)
        assert "admin" not in str(pod)


@every_case
def test_secret_files_are_those_the_code_reads(case: str) -> None:
    known = {secret.value for secret in Secret}
    for pod in pods(render(case)):
        for volume in pod["spec"].get("volumes", []):
            items = volume.get("secret", {}).get("items", [])
            assert {item["key"] for item in items} <= known


@every_case
def test_no_secret_is_rendered_and_renders_are_equal(case: str) -> None:
    assert not of_kind(render(case), "Secret")
    assert render_text(case) == render_text(case, "--is-upgrade")


@every_case
def test_services_reach_their_pods(case: str) -> None:
    manifests = render(case)
    for service in of_kind(manifests, "Service"):
        targets = [pod for pod in pods(manifests) if matches(service["spec"]["selector"], pod)]
        assert len(targets) == 1
        names = {port["name"] for container in containers(targets[0]) for port in container.get("ports", [])}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


@every_case
def test_disruption_budgets_never_block_a_drain(case: str) -> None:
    manifests = render(case)
    sizes = {
        component(manifest): manifest["spec"]["replicas"]
        for manifest in of_kind(manifests, "Deployment", "StatefulSet")
    }
    budgets = {component(manifest) for manifest in of_kind(manifests, "PodDisruptionBudget")}
    assert budgets == {name for name in ("api", "gateway") if sizes[name] > 1}


@every_case
def test_every_pod_has_a_network_policy_of_its_own(case: str) -> None:
    manifests = render(case)
    policies = of_kind(manifests, "NetworkPolicy")
    if case == "openshift":
        assert not policies
        return
    everything = named(manifests, "NetworkPolicy", "box-default")["spec"]
    assert everything["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in everything
    for pod in pods(manifests):
        assert matches(everything["podSelector"]["matchLabels"], pod)
        own = [policy for policy in policies if matches(policy["spec"]["podSelector"]["matchLabels"], pod)]
        assert len(own) == 2, component(pod)


def test_only_the_reconciler_reaches_rays_dashboard() -> None:
    policy = named(render("default"), "NetworkPolicy", "box-ray-head")
    peers = [
        (expression["values"], rule.get("ports"))
        for rule in policy["spec"]["ingress"]
        for peer in rule["from"]
        for expression in peer["podSelector"]["matchExpressions"]
    ]
    assert peers == [
        (["ray-worker", "ray-head"], None),
        (["reconciler"], [{"port": 8265, "protocol": "TCP"}]),
    ]


@every_case
def test_ray_cluster_is_what_kuberay_and_the_adapter_expect(case: str) -> None:
    spec = of_kind(render(case), "RayCluster")[0]["spec"]
    assert spec.keys() <= {
        "rayVersion",
        "enableInTreeAutoscaling",
        "gcsFaultToleranceOptions",
        "headGroupSpec",
        "workerGroupSpecs",
    }
    head = spec["headGroupSpec"]
    assert head["serviceType"] == "ClusterIP"
    assert head["rayStartParams"]["num-cpus"] == "0"
    ports = {port["name"]: port["containerPort"] for port in head["template"]["spec"]["containers"][0]["ports"]}
    assert ports["dashboard"] == 8265
    assert spec["workerGroupSpecs"]
    for group in spec["workerGroupSpecs"]:
        resources = group["template"]["spec"]["containers"][0]["resources"]
        assert group["rayStartParams"]["num-cpus"] == resources["limits"]["cpu"]
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for pod in pods(of_kind(render(case), "RayCluster")):
        env = {entry["name"]: entry for entry in pod["spec"]["containers"][0]["env"]}
        assert env["RAY_AUTH_MODE"]["value"] == "token"
        assert env["RAY_AUTH_TOKEN"]["valueFrom"]["secretKeyRef"]["key"] == Secret.RAY_TOKEN.value
        assert "app.kubernetes.io/name" not in pod["metadata"]["labels"]


@every_case
def test_the_reconciler_may_do_what_the_adapter_does_and_no_more(case: str) -> None:
    manifests = render(case)
    rules = named(manifests, "Role", "box-reconciler")["rules"]
    assert rules == [
        {
            "apiGroups": ["ray.io"],
            "resources": ["rayclusters"],
            "resourceNames": ["box-ray"],
            "verbs": ["get", "patch"],
        },
        {"apiGroups": [""], "resources": ["services"], "resourceNames": ["box-ray-head-svc"], "verbs": ["get"]},
    ]
    assert of_kind(manifests, "RayCluster")[0]["metadata"]["name"] == "box-ray"


@every_case
def test_hooks_cannot_deadlock(case: str) -> None:
    """No hook waits for what comes after it: helm's `--wait` and Argo CD would stand still."""
    hooks = {
        manifest["metadata"]["name"]: manifest["metadata"]["annotations"]
        for manifest in render(case)
        if "helm.sh/hook" in manifest["metadata"].get("annotations", {}) and manifest["kind"] == "Job"
    }
    kinds = {name: annotations["helm.sh/hook"] for name, annotations in hooks.items()}
    expected = {"box-secrets": "pre-install,pre-upgrade", "box-migrate": "pre-upgrade"}
    assert kinds == ({} if case == "external" else expected)
    for annotations in hooks.values():
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation,hook-succeeded"
    if hooks:
        assert int(hooks["box-secrets"]["helm.sh/hook-weight"]) < int(hooks["box-migrate"]["helm.sh/hook-weight"])


@every_case
def test_every_control_plane_pod_migrates_first(case: str) -> None:
    for deployment in of_kind(render(case), "Deployment"):
        first = deployment["spec"]["template"]["spec"]["initContainers"][0]
        assert first["command"] == ["python", "-m", "control_plane.migrate"]


def test_public_paths_are_those_of_the_architecture() -> None:
    ingress = of_kind(render("ha"), "Ingress")[0]["spec"]["rules"][0]["http"]["paths"]
    services = {path["path"]: path["backend"]["service"]["name"] for path in ingress}
    assert services == {
        "/": "box-api",
        "/v1": "box-gateway",
        "/v1/organization": "box-api",
        "/healthz": "box-gateway",
    }


def test_versions_follow_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    ray = of_kind(render("default"), "RayCluster")[0]["spec"]["rayVersion"]
    assert chart["appVersion"] == project["version"]
    assert f"ray[serve]=={ray}" in project["dependencies"]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["postgresql.enabled=false"], "set postgresql.external.host"),
        (["postgresql.external.host=db"], "choose one"),
        (["redis.enabled=false"], "set redis.external.host"),
        (["redis.external.host=db"], "choose one"),
        (["redis.enabled=false", "redis.external.host=r"], "name that in secrets.existingSecret"),
        (["ingress.enabled=true"], "set ingress.host"),
        (["ray.gcsFaultTolerance.enabled=true"], "a Redis that only Ray uses"),
        (["ray.workerGroups.cpu=null"], "keep at least one group"),
        (["ray.workerGroups.cpu.replicas=9"], "raise maxReplicas"),
        (["storage.accessMode=ReadWriteOnce", "gateway.replicas=2"], "or use ReadWriteMany"),
        (["settings.HOME=/x"], "the chart sets APPLIANCE_HOME itself"),
        (["api.replica=2"], "Additional property replica is not allowed"),
        (["image.digest=sha256:12"], "image.digest"),
        (["image.tag=latest"], "image.tag"),
        (["gateway.replicas=many"], "gateway.replicas"),
        (["ray.workerGroups.cpu.devices.gpu=1"], "devices"),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(flags: list[str], sentence: str) -> None:
    done = helm("template", "box", str(CHART), *(part for flag in flags for part in ("--set", flag)))
    assert done.returncode != 0
    assert sentence in done.stderr


def test_a_long_release_name_is_refused() -> None:
    done = helm("template", "b" * 31, str(CHART))
    assert "at most 30 characters" in done.stderr
