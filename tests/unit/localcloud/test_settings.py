from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from localcloud.settings import Settings, SettingsError, load


@pytest.mark.parametrize(
    ("values", "option"),
    [
        ({"port": 80}, "--port"),
        ({"address_block": IPv4Network("10.0.0.0/16")}, "--address-block"),
        ({"address_block": IPv4Network("127.66.1.0/24")}, "--address-block"),
        ({"address_block": IPv4Network("127.0.0.0/16")}, "--address-block"),
        ({"account": "12"}, "--account"),
        ({"time_scale": 0}, "--time-scale"),
        ({"instance_cpus": 0}, "--instance-cpus"),
        ({"instance_cpus": float("nan")}, "--instance-cpus"),
    ],
)
def test_a_setting_that_cannot_work_names_its_option(values: dict[str, Any], option: str) -> None:
    with pytest.raises(SettingsError, match=option):
        Settings(Path("/nowhere"), **values)


def test_settings_come_back_as_they_were_saved(tmp_path: Path) -> None:
    settings = Settings(tmp_path, port=4567, address_block=IPv4Network("127.88.0.0/16"), engine="podman", time_scale=10)
    settings = replace(settings, instance_cpus=0.25)
    settings.save()
    assert load(tmp_path) == settings


def test_no_cloud_has_no_settings(tmp_path: Path) -> None:
    assert load(tmp_path) is None


def test_broken_settings_name_their_file(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(SettingsError, match=r"settings\.json"):
        load(tmp_path)


def test_time_is_played_faster() -> None:
    assert Settings(Path("/nowhere"), time_scale=10).scaled(60) == 6
