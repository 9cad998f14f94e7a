"""What pyproject.toml cannot say: the compiled bindings, and the guests and the BIOS that go into a wheel as data."""

import os
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = os.path.dirname(os.path.abspath(__file__))


class BuildWithSources(build_py):
    """Copies guests/ and firmware/ into vmm/, where vmm.control.guest_set and vmm.machine.rom look first.

    An editable install has them already.
    """

    def run(self):
        super().run()
        if not self.editable_mode:
            for folder in ("guests", "firmware"):
                shutil.copytree(
                    os.path.join(HERE, folder), os.path.join(self.build_lib, "vmm", folder), dirs_exist_ok=True
                )


setup(cffi_modules=["kvm_bindings/build.py:ffibuilder"], cmdclass={"build_py": BuildWithSources})
