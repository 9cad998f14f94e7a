"""[drives] in an expect.toml."""

from __future__ import annotations

import pytest

from vmm.control.guest_spec import parse_spec
from vmm.errors import ConfigError

OUTCOME = '[outcome]\nkind = "halted"\n'


def test_a_guest_that_is_a_disk_needs_no_mode() -> None:
    text = '[drives]\nfda = "image,ro"\nhda = "8M"\nhdb = "image"\nboot = "ca"\nload = 0\nsize = "1440K"\n'
    spec = parse_spec('keys = "dir\\n"\n' + text + OUTCOME, "g", "", "")
    assert (spec.keys, spec.drives.size, spec.drives.load) == ("dir\n", 1440 << 10, 0)
    assert spec.drives.fields("/i") == {"boot": "ca", "fda": "/i,ro", "hda": bytes(8 << 20), "hdb": "/i,overlay"}


@pytest.mark.parametrize(
    ("drives", "words"),
    [
        ('fda = "image"', "drives.size: is needed"),
        ('fda = "imgae"\nsize = "1M"', "drives.fda: must be one of image, image,ro, or a size"),
        ('fbd = "image"\nsize = "1M"', "drives.fbd: is not known here"),
        ('fda = 5\nsize = "1M"', "drives.fda: must be str"),
    ],
)
def test_faults_are_told(drives: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_spec(f"[drives]\n{drives}\n{OUTCOME}", "g", "", "")


def test_other_guests_have_no_drives() -> None:
    spec = parse_spec('[machine]\nmode = "real"\nformat = "flat"\n' + OUTCOME, "g", "", "")
    assert not spec.drives
    with pytest.raises(ConfigError, match=r"machine\.mode: is for images"):
        parse_spec('[machine]\nmode = "real"\n[drives]\nhda = "image"\nsize = "1M"\n' + OUTCOME, "g", "", "")
