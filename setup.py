"""What pyproject.toml cannot say: the compiled bindings, and the guests that go into a wheel as data."""

import os
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = os.path.dirname(os.path.abspath(__file__))


class BuildWithGuests(build_py):
    """Copies guests/ to vmm/guests, where vmm.control.guest_set looks first. An editable install has them already."""

    def run(self):
        super().run()
        if not self.editable_mode:
            shutil.copytree(
                os.path.join(HERE, "guests"), os.path.join(self.build_lib, "vmm", "guests"), dirs_exist_ok=True
            )


setup(cffi_modules=["kvm_bindings/build.py:ffibuilder"], cmdclass={"build_py": BuildWithGuests})
