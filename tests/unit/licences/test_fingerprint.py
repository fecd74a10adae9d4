"""k of n: one part swapped is the same box, most of them gone is another, a copied machine needs an anchor."""

from pathlib import Path

from appliance.hardware.world import World
from appliance.licences.chain import read_request
from appliance.licences.documents import Fingerprint
from appliance.licences.fingerprint import Factor, Observation, can_be_anchored, compare, default_required, observe
from appliance.vendor.issuing import fingerprint_policy
from tests.fixtures.licences import CARDS, Customer, make_machine


def licensed(customer: Customer, *, required: int | None = None) -> Fingerprint:
    return fingerprint_policy(read_request(customer.ask()), required=required)


def test_all_six_are_read_from_below_the_root(customer: Customer) -> None:
    assert set(customer.observation.factors) == {factor.value for factor in Factor}
    assert customer.observation.values[Factor.NETWORK] == frozenset({"3c:ec:ef:11:22:33"})
    assert compare(licensed(customer), customer.observation).is_same


def test_the_box_outlives_a_new_mainboard(customer: Customer, tmp_path: Path) -> None:
    """It takes DMI, the network port and the TPM along: three of six are left."""
    swapped = make_machine(
        tmp_path / "swapped",
        product_uuid="00112233-4455-6677-8899-aabbccddeeff",
        address="3c:ec:ef:44:55:66",
        tpm2_srk_public_key_pem="another",
    )
    likeness = compare(licensed(customer), observe(swapped, accelerators=CARDS))
    assert likeness.is_same
    assert set(likeness.matching) == {"machine_id", "accelerators", "disks"}


def test_it_outlives_half_of_its_cards_but_no_more(customer: Customer) -> None:
    policy = licensed(customer, required=6)
    assert compare(policy, observe(customer.world, accelerators=(*CARDS[:2], "GPU-new-1", "GPU-new-2"))).is_same
    assert not compare(policy, observe(customer.world, accelerators=(CARDS[0], "GPU-new-1"))).is_same


def test_a_copied_disk_in_another_machine_is_another_box(customer: Customer, tmp_path: Path) -> None:
    """Only /etc/machine-id came along."""
    other = make_machine(
        tmp_path / "clone",
        product_uuid="00112233-4455-6677-8899-aabbccddeeff",
        address="3c:ec:ef:44:55:66",
        tpm2_srk_public_key_pem=None,
        wwid="eui.0000000000000009",
    )
    likeness = compare(licensed(customer), observe(other, accelerators=("GPU-9",)))
    assert likeness.matching == ("machine_id",)
    assert not likeness.is_same


def test_a_clone_of_a_virtual_machine_lacks_the_anchor(customer: Customer) -> None:
    """All that a hypervisor copies matches, four of six: only the TPM and the cards tell it from the first."""
    clone = Observation(
        {k: v for k, v in customer.observation.values.items() if k not in (Factor.TPM, Factor.ACCELERATORS)}
    )
    likeness = compare(licensed(customer), clone)
    assert len(likeness.matching) == 4
    assert not likeness.is_same
    assert "TPM or its accelerators" in likeness.sentence


def test_a_box_without_an_anchor_cannot_demand_one(tmp_path: Path) -> None:
    bare = Customer(tmp_path / "bare", cards=())
    (bare.world.root / "run/systemd/tpm2-srk-public-key.pem").unlink()
    policy = licensed(bare)
    assert not policy.anchored
    assert not can_be_anchored(policy.factors)
    assert compare(policy, bare.observation).is_same


def test_at_least_half_is_asked_for() -> None:
    assert [default_required(dict.fromkeys("abcdef"[:n])) for n in range(7)] == [0, 1, 1, 2, 2, 3, 3]


def test_worthless_firmware_and_random_addresses_do_not_count(tmp_path: Path) -> None:
    world = make_machine(
        tmp_path / "machine",
        product_uuid="03000200-0400-0500-0006-000700080009",
        addr_assign_type="3",
        machine_id="00000000000000000000000000000000",
        removable="1",
        tpm2_srk_public_key_pem="",
    )
    assert observe(world).factors == ()
    assert observe(World(root=tmp_path / "nothing", system_paths=False)).factors == ()


def test_a_port_in_a_bond_is_known_by_its_own_address(customer: Customer) -> None:
    port = customer.world.root / "sys/class/net/eno1"
    (port / "addr_assign_type").write_text("3\n")
    (port / "address").write_text("02:00:00:00:00:01\n")
    (port / "bonding_slave").mkdir()
    (port / "bonding_slave/perm_hwaddr").write_text("3c:ec:ef:11:22:33\n")
    assert customer.observation.values[Factor.NETWORK] == frozenset({"3c:ec:ef:11:22:33"})


def test_requests_hold_hashes_that_cannot_be_joined(customer: Customer) -> None:
    first, second = customer.ask(), customer.ask()
    for raw in (first, second):
        for values in customer.observation.values.values():
            assert not [value for value in values if value.encode() in raw.lower()]
    one, other = ({h for hashes in read_request(raw).factors.values() for h in hashes} for raw in (first, second))
    assert len(one) == len(other) == 9
    assert not one & other
