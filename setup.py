"""What pyproject.toml cannot say: the folder configs/ is installed as pumpkin/configs/."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["mrcnn", "mrcnn.*", "pumpkin", "pumpkin.*"]), "pumpkin.configs"],
    package_dir={"pumpkin.configs": "configs"},
)
