"""CPU models in text, and the CPUID entries a guest gets from them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmm.cpu import cpuid, topology
from vmm.cpu.features import FEATURES, REGISTERS, names_in, with_dependents
from vmm.errors import ConfigError

Entry = tuple[int, int, int, int, int, int, int]

_LEVEL_3 = """
    fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 pni ssse3 fma
    cx16 sse4_1 sse4_2 x2apic movbe popcnt aes xsave avx f16c rdrand bmi1 avx2 bmi2 erms smep xsaveopt lahf_lm abm
    syscall nx lm rdtscp svm pku
"""


def host(*extra: str, amd: bool = True, without: tuple[str, ...] = ()) -> list[Entry]:
    """The supported entries of a made-up host with these features."""
    leaves: dict[tuple[int, int], list[int]] = {}
    for leaf in (0x1, 0x5, 0x6, 0x80000001, 0x80000007, 0x80000008, 0x8000000A, 0x40000001):
        leaves[leaf, 0] = [0, 0, 0, 0, 0]
    vendor = b"AuthenticAMD" if amd else b"GenuineIntel"
    ebx, edx, ecx = (int.from_bytes(vendor[at : at + 4], "little") for at in (0, 4, 8))
    leaves[0, 0] = [0, 0x1F, ebx, ecx, edx]
    leaves[0x80000000, 0] = [0, 0x8000001E, ebx, ecx, edx] if amd else [0, 0x80000008, 0, 0, 0]
    leaves[0x40000000, 0] = [0, 0x40000001, 0x4B4D564B, 0x564B4D56, 0x4D]
    for key in ((7, 0), (7, 1), (0xB, 0), (0x1F, 0), (0xD, 1)):
        leaves[key] = [1, 0, 0, 0, 0]
    leaves[0xD, 0] = [1, 0x207, 2696, 2696, 0]
    leaves[0xD, 2] = [1, 256, 576, 0, 0]
    leaves[0xD, 9] = [1, 8, 2688, 0, 0]
    cache = 0x8000001D if amd else 0x4
    for index, level in enumerate((1, 1, 2, 3)):
        leaves[cache, index] = [1, 0x3FFC000 | level << 5 | 1 + index % 3, 0, 0, 0]
    leaves[cache, 4] = [1, 0, 0, 0, 0]
    leaves[0x8000001E, 0] = [0, 0, 0, 0, 0]
    for name in (*_LEVEL_3.split(), *extra):
        if name not in without:
            leaf, index, register, bit = FEATURES[name]
            leaves[leaf, index][REGISTERS[register] - 2] |= 1 << bit
    leaves[1, 0][2] |= 7 << 24  # the host's own APIC id
    if amd:
        leaves[0x80000001, 0][4] |= leaves[1, 0][4] & 0x0183F3FF
    return [(leaf, index, *values) for (leaf, index), values in leaves.items()]  # type: ignore[misc]


def entry(entries: list[Entry], leaf: int, index: int = 0) -> Entry:
    (found,) = [entry for entry in entries if entry[:2] == (leaf, index)]
    return found


def applied(text: str, entries: list[Entry] | None = None, count: int = 1, index: int = 0) -> list[Entry]:
    return cpuid.apply(cpuid.parse(text), host() if entries is None else entries, index, count, index)


def test_the_host_model_shows_all_the_host_has_and_a_hypervisor() -> None:
    assert set(names_in(applied("host"))) == set(names_in(host())) | {"hypervisor"}
    assert applied("max") == applied("host")


@pytest.mark.parametrize("feature", ["popcnt", "rdrand", "smep", "syscall", "x2apic"])
def test_a_removed_feature_is_gone_and_nothing_else(feature: str) -> None:
    before, after = names_in(applied("host")), names_in(applied(f"host,-{feature}"))
    assert set(before) - set(after) == {feature}


def test_removing_a_feature_removes_what_needs_it() -> None:
    names = set(names_in(applied("host,-avx")))
    assert not names & {"avx", "avx2", "fma", "f16c"}
    assert {"xsave", "bmi2", "sse4_2"} <= names


def test_state_components_leave_with_their_feature() -> None:
    entries = applied("host,-avx")
    main = entry(entries, 0xD)
    assert main[3] == 0x203
    assert main[5] == 2696
    assert not [found for found in entries if found[:2] == (0xD, 2)]
    assert entry(applied("host,-pku"), 0xD)[3:6] == (7, 832, 832)
    assert not [found for found in applied("host,-xsave") if found[0] == 0xD]


def test_amd_s_copy_of_leaf_1_follows_leaf_1() -> None:
    assert entry(applied("host"), 0x80000001)[6] & 1 << 23
    assert not entry(applied("host,-mmx"), 0x80000001)[6] & 1 << 23
    assert not entry(applied("minimal,-mmx"), 0x80000001)[6] & 1 << 23


def test_a_feature_the_host_lacks_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"cpu: the host does not offer \+avx512f"):
        applied("host,+avx512f")
    assert "popcnt" in names_in(applied("minimal,+popcnt"))


def test_a_level_the_host_does_not_reach_is_refused_with_what_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"avx2 \(of x86-64-v3\) movbe \(of x86-64-v3\)"):
        applied("x86-64-v3", host(without=("avx2", "movbe")))


@pytest.mark.parametrize(
    ("template", "has", "lacks"),
    [
        ("minimal", "sse2 lm syscall nx cmov", "pni popcnt avx rdrand x2apic xsave svm"),
        ("none", "sse2 lm", "pni"),
        ("x86-64-v2", "popcnt sse4_2 cx16 x2apic smep", "avx xsave bmi1 aes svm rdrand"),
        ("x86-64-v3", "avx2 bmi2 fma movbe xsave xsaveopt", "svm pku rdrand aes"),
    ],
)
def test_a_level_shows_what_it_promises_and_not_more(template: str, has: str, lacks: str) -> None:
    names = set(names_in(applied(template)))
    assert set(has.split()) <= names
    assert not set(lacks.split()) & names


def test_a_level_keeps_no_leaf_of_a_feature_it_hides() -> None:
    assert not {found[0] for found in applied("x86-64-v2")} & {0x5, 0xD, 0x8000000A}
    assert entry(applied("x86-64-v3"), 0xD)[3] == 7


def test_kvm_s_leaves_go_with_minus_kvm() -> None:
    assert not [found for found in applied("host,-kvm") if found[0] >> 28 == 4]
    assert [found for found in applied("minimal") if found[0] >> 28 == 4]


def test_the_hypervisor_bit_can_be_hidden() -> None:
    assert "hypervisor" not in names_in(applied("host,-hypervisor"))
    assert "hypervisor" in names_in(applied("minimal,+hypervisor"))


@pytest.mark.parametrize(
    ("text", "vendor", "extended"),
    [("vendor=intel", b"GenuineIntel", bytes(12)), ("host,vendor=AMD", b"AuthenticAMD", b"AuthenticAMD")],
)
def test_the_vendor_can_be_chosen(text: str, vendor: bytes, extended: bytes) -> None:
    for leaf, expected in ((0, vendor), (0x80000000, extended)):
        found = entry(applied(text), leaf)
        assert b"".join(found[at].to_bytes(4, "little") for at in (4, 6, 5)) == expected


@settings(max_examples=40)
@given(count=st.integers(1, 254), data=st.data(), amd=st.booleans())
def test_each_vcpu_is_told_its_own_place(count: int, data: st.DataObject, amd: bool) -> None:
    index = data.draw(st.integers(0, count - 1))
    entries = applied("host", host(amd=amd), count, index)
    one = entry(entries, 1)
    assert one[4] >> 24 == index
    assert one[4] >> 16 & 0xFF >= min(count, 255)
    assert bool(one[6] >> 28 & 1) == (count > 1)
    for leaf in (0xB, 0x1F):
        thread, core, end = (entry(entries, leaf, level) for level in range(3))
        assert (thread[5] >> 8, core[5] >> 8, end[5] >> 8) == (1, 2, 0)
        assert thread[6] == core[6] == end[6] == index
        assert (thread[4], core[4], end[4]) == (1, count, 0)
        assert index >> core[3] == 0
        assert (count - 1) >> core[3] == 0


def test_the_third_level_cache_is_shared_and_the_others_are_not() -> None:
    for amd, leaf in ((True, 0x8000001D), (False, 0x4)):
        entries = applied("host", host(amd=amd), 6)
        shared = [(entry(entries, leaf, index)[3] >> 14 & 0xFFF) for index in range(4)]
        assert shared == [0, 0, 0, 7]
        assert entry(entries, leaf, 4)[3] == 0
    assert entry(entries, 0x4)[3] >> 26 == 7


def test_amd_counts_the_cores_in_leaf_80000008_and_intel_does_not() -> None:
    assert entry(applied("host", host(amd=True), 6), 0x80000008)[5] == 0x3005
    assert entry(applied("host", host(amd=False), 6), 0x80000008)[5] == 0
    assert entry(applied("host", host(amd=True), 6, 4), 0x8000001E)[3:6] == (4, 4, 0)


def test_supported_entries_are_not_changed() -> None:
    supported = host()
    before = list(supported)
    applied("x86-64-v2,-nx,vendor=intel", supported, 4, 3)
    assert supported == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hots", "no CPU model is called 'hots', did you mean host?"),
        ("host,-popcmt", "no CPU feature is called 'popcmt', did you mean popcnt?"),
        ("host,+avx9000x", "no CPU feature is called 'avx9000x'"),
        ("host,popcnt", "'popcnt' is not understood: write \\+feature, \\?feature, -feature or vendor=NAME"),
        ("host,+avx2,-avx", r"\+avx2 contradicts -avx"),
        ("host,vendor=Acme", "a vendor is one of intel amd hygon or twelve ASCII characters, not 'Acme'"),
        ("host,,", "'' is not understood"),
        ("host,+", r"'\+' is not understood"),
    ],
)
def test_a_wrong_model_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^cpu: {message}"):
        cpuid.parse(text)


def test_all_faults_of_a_text_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        cpuid.parse("hots,-popcmt,what,vendor=x")
    assert len(caught.value.breaches) == 4


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("SSE4.2", "sse4_2"),
        ("sse4-1", "sse4_1"),
        ("lzcnt", "abm"),
        ("SSE3", "pni"),
        ("tsc-deadline", "tsc_deadline_timer"),
    ],
)
def test_common_spellings_are_understood(spelling: str, name: str) -> None:
    assert name in cpuid.parse(f"host,-{spelling}").removed


@settings(max_examples=100)
@given(st.text("host,+-=vendor mx86_4v23 avx", max_size=30))
def test_any_text_gives_a_model_or_a_config_error(text: str) -> None:
    try:
        model = cpuid.parse(text)
    except ConfigError:
        return
    assert model.template in cpuid.TEMPLATES


def test_without_hides_features_of_a_parsed_model() -> None:
    model = cpuid.parse("host,+x2apic").without("apic")
    assert not {"apic", "x2apic"} & set(names_in(cpuid.apply(model, host())))


def test_feature_bits_are_distinct() -> None:
    assert len(set(FEATURES.values())) == len(FEATURES) > 250
    assert all(0 <= bit < 32 for _leaf, _index, _register, bit in FEATURES.values())
    assert with_dependents(FEATURES) == set(FEATURES)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("sse2", (1, 0, "edx", 26)),
        ("pbe", (1, 0, "edx", 31)),
        ("hypervisor", (1, 0, "ecx", 31)),
        ("avx512vl", (7, 0, "ebx", 31)),
        ("rdpid", (7, 0, "ecx", 22)),
        ("ssbd", (7, 0, "edx", 31)),
        ("lam", (7, 1, "eax", 26)),
        ("lm", (0x80000001, 0, "edx", 29)),
        ("mwaitx", (0x80000001, 0, "ecx", 29)),
        ("nonstop_tsc", (0x80000007, 0, "edx", 8)),
        ("amd_ssb_no", (0x80000008, 0, "ebx", 26)),
        ("vgif", (0x8000000A, 0, "edx", 16)),
        ("kvm_clocksource_stable", (0x40000001, 0, "eax", 24)),
    ],
)
def test_features_stand_where_the_manuals_put_them(name: str, place: tuple[int, int, str, int]) -> None:
    assert FEATURES[name] == place


@pytest.mark.parametrize(("count", "bits"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (255, 8)])
def test_apic_ids_of_a_package_fit_the_core_bits(count: int, bits: int) -> None:
    assert topology.core_bits(count) == bits
    assert topology.apic_ids(count) == tuple(range(count))
    assert topology.levels(count)[-1] == (topology.INVALID, 0, 0)


def test_a_wished_feature_is_shown_where_the_host_has_it_and_missed_nowhere() -> None:
    entries = cpuid.apply(cpuid.parse("minimal,?avx2,?avx512f"), host())
    assert "avx2" in names_in(entries)
    assert "avx512f" not in names_in(entries)
    assert "avx2" not in names_in(cpuid.apply(cpuid.parse("minimal,?avx2,-avx"), host()))


def test_qemu_s_default_cpu_shows_what_it_shows_under_qemu() -> None:
    names = names_in(cpuid.apply(cpuid.parse("qemu64"), host()))
    assert {"pni", "cx16", "x2apic", "lm", "nx", "syscall", "lahf_lm", "hypervisor"} <= set(names)
    assert not {"ssse3", "avx", "xsave", "pku", "svm", "vme", "smep", "rdtscp", "tsc_deadline_timer"} & set(names)
    assert "tsc_deadline_timer" in names_in(
        cpuid.apply(cpuid.parse("qemu64,+tsc-deadline"), cpuid.with_deadline_timer(host()))
    )


def kvm_leaves(*changes: str) -> dict[int, tuple[int, ...]]:
    """KVM's own leaves of a host that has a clock, as (eax, ebx, ecx, edx) by leaf."""
    clock = (0x40000001, 0, 0, 1 << 0 | 1 << 3 | 1 << 5 | 1 << 24, 0, 0, 0)
    leaves = [*host(), (0x40000000, 0, 0, 0x40000001, 0x4B4D564B, 0x564B4D56, 0x4D), clock]
    leaves = [leaf for at, leaf in enumerate(leaves) if leaf[0] not in {other[0] for other in leaves[at + 1 :]}]
    found = cpuid.apply(cpuid.parse(",".join(("host", *changes))), cpuid.with_frequencies(leaves, 2_600_000))
    return {leaf[0]: leaf[3:] for leaf in found if 0x40000000 <= leaf[0] < 0x40000100}


def test_a_guest_is_told_the_frequency_of_its_tsc() -> None:
    leaves = kvm_leaves()
    assert leaves[0x40000000][0] == 0x40000010
    assert leaves[0x40000010] == (2_600_000, 1_000_000, 0, 0)


def test_without_kvms_leaves_there_is_no_place_for_a_frequency() -> None:
    assert kvm_leaves("-kvm") == {}
    plain = [leaf for leaf in host() if not 0x40000000 <= leaf[0] < 0x40000100]
    assert cpuid.with_frequencies(plain, 2_600_000) == plain


def test_kvmclock_goes_with_all_its_bits_and_leaves_the_others() -> None:
    assert kvm_leaves("-kvmclock")[0x40000001][0] == 1 << 5
