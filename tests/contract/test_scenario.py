"""A scenario: read whole or refused with file, field and remedy, before anything starts."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadtests.arrivals import arrivals
from loadtests.errors import InputError
from loadtests.reaching import reach_of_all
from loadtests.scenario import BUNDLED, Scenario, bundled_names, read_scenario

REMOVE = object()


@pytest.fixture
def data() -> dict[str, Any]:
    """The bundled scenario as plain data."""
    dumped: dict[str, Any] = read_scenario(BUNDLED).model_dump(mode="json")
    return dumped


def changed(data: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """``data`` with one field set, or taken out."""
    whole = copy.deepcopy(data)
    *above, last = path.split(".")
    place = whole
    for key in above:
        place = place[key]
    if value is REMOVE:
        del place[last]
    else:
        place[last] = value
    return whole


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "mine.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def refused(place: Path | str) -> str:
    with pytest.raises(InputError) as caught:
        read_scenario(place)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    assert "pydantic" not in caught.value.message
    return caught.value.message


CASES: list[tuple[str, object, str]] = [
    # field, its value, what the message says behind the file's name
    ("colour", "red", "colour: unknown key, found 'red'"),
    ("target.colour", "red", "target.colour: unknown key, found 'red'"),
    ("regions.id.cohorts.mobile.colour", "red", "regions.id.cohorts.mobile.colour: unknown key, found 'red'"),
    ("name", REMOVE, "name: Field required"),
    ("target", REMOVE, "target: Field required"),
    ("name", "Viral Goal", "name: String should match pattern"),
    ("starts_at", "2026-12-05T19:30:00", "starts_at: needs a UTC offset, such as 2026-12-05T19:30:00+07:00"),
    ("starts_at", "tomorrow", "starts_at: "),
    ("stay.median", 480, "stay.median: expected a number with a unit (ms, s, m, h) such as '90s', found 480"),
    ("stay.median", "480 minutes", "stay.median: expected one of the units ms, s, m, h such as '90s', found unit"),
    ("stay.median", "0s", "stay.median: Input should be greater than 0"),
    ("stay.zappers", "150%", "stay.zappers: expected at most 100%, found '150%'"),
    ("staging.egress", "120MB", "staging.egress: expected one of the units bps, kbps, Mbps, Gbps"),
    ("regions.id.share", "60%", "shares must add up to 100%, these add up to 110%"),
    ("regions.br.cohorts.mobile.share", "50%", "regions.br: shares must add up to 100%, these add up to 90%"),
    ("regions.id.cohorts.mobile.renditions.lowest", "0%", "regions.id.cohorts.mobile.renditions: shares must add up"),
    ("regions.id.cohorts.mobile.renditions.huge", "0%", "regions.id.cohorts.mobile.renditions.huge"),
    (
        "regions.id.cohorts.mobile.access",
        "satellite",
        "id has mobile, fixed, bad_coverage and mixed, found 'sat",
    ),
    ("regions.xx", {"share": "0%", "cohorts": {}}, "shares must add up"),
    ("regions", {}, "regions: Dictionary should have at least 1 item"),
    ("launch.audience.xx", 5, "launch.audience.xx: not one of the regions rehearsed (br, id, in)"),
    ("launch.quota_vcpus.xx", 5, "launch.quota_vcpus.xx: not one of the regions rehearsed (br, id, in)"),
    ("launch.underprovision_weight", 0.5, "launch.underprovision_weight: Input should be greater than or equal to 1"),
    ("launch.node", {"cpus": 4}, "launch.node.facts.cpus: unknown key, found 4"),
    ("launch.node", "../x", "launch.node.name: String should match pattern"),
    ("launch.offers", ["../x"], "launch.offers.0: String should match pattern"),
    ("launch.zones", 7, "launch.zones: expected 1 to 6 (no region of AWS has more), found 7"),
    ("launch.zones", 0, "launch.zones: Input should be greater than 0"),
    ("launch.target_utilisation", "0%", "launch.target_utilisation: Input should be greater than 0"),
    ("surge", {"shape": "flash_crowds", "baseline": 1, "peak": 2}, "did you mean 'flash_crowd'?"),
    ("surge", "flash_crowd", "surge.baseline: Field required"),
    ("surge.peak", 1, "surge: peak (1) must be above baseline (150): it is a surge"),
    ("surge.ramp", 30, "surge.ramp: expected a number with a unit"),
    ("surge.slope", "steep", "surge.slope: unknown key, found 'steep'"),
    ("surge", {"baseline": 1, "peak": 2}, "surge: expected 'shape: NAME' with its settings"),
    ("surge", 7, "surge: expected 'shape: NAME' with its settings"),
    ("stream.protocol", "hsl", "stream: no protocols called 'hsl'"),
    ("player.player", "vlc", "player: no players called 'vlc' (known: "),
    ("target.url", "live.test/x.m3u8", "target.url: expected an http:// or https:// address of a playlist"),
    ("target.url", "rtmp://live.test/x", "target.url: expected an http:// or https:// address of a playlist"),
    ("target.url", "http://", "target.url: expected an http:// or https:// address of a playlist"),
    ("target.url", "http://[::1", "target.url: Invalid IPv6 URL"),
    ("target.url", "http://live.test:99999/", "target.url: Port out of range"),
    ("target.url", "http://live.test:0/", "target.url: expected an http:// or https:// address"),
    ("target.url", "http://live.test/\tx", "target.url: expected an http:// or https:// address"),
    ("target.url", "https://me:secret@live.test/x", "target.url: a user name or password in the address"),
    ("target.home", "live.test/", "target.home: expected an http:// or https:// address"),
    ("target.home", "http://elsewhere.test/", "target: home: elsewhere.test is not the host of target.url"),
    ("patience.startup_loss", "0%", "patience.startup_loss: Input should be greater than 0"),
    ("patience.stall_mean", 46, "patience.stall_mean: expected a number with a unit"),
    ("patience.regions", {"xx": 1}, "patience.regions.xx: not one of the regions rehearsed (br, id, in)"),
    ("patience.regions", {"id": 0}, "patience.regions.id: Input should be greater than 0"),
    ("stay.home", "150%", "stay.home: expected at most 100%"),
    ("player.jitter", "some", "player.jitter: Input should be 'off', 'fuzz', 'full', 'equal' or 'decorrelated'"),
    ("target.nodes", 0, "target.nodes: Input should be greater than 0"),
    ("target.resolve", ["live.test"], "target.resolve.0: expected HOST:PORT:ADDRESS[,ADDRESS]"),
    ("target.resolve", ["live.test:80:localhost"], "target.resolve.0: expected HOST:PORT:ADDRESS[,ADDRESS]"),
    ("target.resolve", ["live.test:99999:127.0.0.1"], "target.resolve.0: expected HOST:PORT:ADDRESS[,ADDRESS]"),
    ("target.resolve", [":80:127.0.0.1"], "target.resolve.0: expected HOST:PORT:ADDRESS[,ADDRESS]"),
]


@pytest.mark.parametrize(("field", "value", "message"), CASES, ids=[f"{field}={value}" for field, value, _ in CASES])
def test_a_mistake_is_one_error_that_names_file_and_field(
    field: str, value: object, message: str, data: dict[str, Any], tmp_path: Path
) -> None:
    file = write(tmp_path, yaml.safe_dump(changed(data, field, value)))
    found = refused(file)
    assert found.startswith(f"{file}: ")
    assert message in found


def test_the_password_is_not_repeated(data: dict[str, Any], tmp_path: Path) -> None:
    file = write(tmp_path, yaml.safe_dump(changed(data, "target.url", "https://me:secret@live.test/x")))
    assert "secret" not in refused(file)


def test_all_mistakes_are_told_at_once(data: dict[str, Any], tmp_path: Path) -> None:
    twice = changed(changed(data, "colour", "red"), "stay.median", 480)
    assert len(refused(write(tmp_path, yaml.safe_dump(twice))).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a mapping of fields, found NoneType"),
        ("- a\n- b\n", "expected a mapping of fields, found list"),
        ("just words", "expected a mapping of fields, found str"),
        ("a: [1, 2", "not YAML: "),
        ("a: b: c", "not YAML: "),
        ("a: \x00", "not YAML: "),
        ("a: !!python/object:os.system x", "not YAML: "),
        ("starts_at: 2026-13-45T00:00:00Z", "not YAML: month must be in 1..12"),
        ("a: " + "[" * 5000, "not YAML: "),
        (b"\xff\xfe\x00", "cannot be read: "),
    ],
)
def test_what_is_no_scenario_at_all(text: str | bytes, message: str, tmp_path: Path) -> None:
    file = write(tmp_path, text)
    found = refused(file)
    assert found.startswith(f"{file}: ")
    assert message in found


def test_a_missing_file_names_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such scenario file") as caught:
        read_scenario(tmp_path / "none.yaml")
    assert BUNDLED in caught.value.hint
    assert "no such scenario file" in refused(tmp_path)


@pytest.mark.parametrize("name", bundled_names())
def test_a_bundled_scenario_reads_back_from_what_is_written_of_it(name: str, tmp_path: Path) -> None:
    scenario = read_scenario(name)
    assert scenario.name == name
    again = read_scenario(write(tmp_path, yaml.safe_dump(scenario.model_dump(mode="json"))))
    assert again == scenario
    assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario


def test_whose_target_it_is(data: dict[str, Any]) -> None:
    assert Scenario.model_validate(data).is_claimed
    assert not Scenario.model_validate(changed(data, "target.owner", "  ")).is_claimed
    target = Scenario.model_validate(changed(data, "target.hosts", ["CDN.test"])).target
    assert target.claimed_hosts == {"stage.surgecast.test", "cdn.test"}


def test_a_region_may_have_a_target_of_its_own(data: dict[str, Any]) -> None:
    """Owner, nodes and HTTP version stay those of the scenario's target; hosts and overrides are added to."""
    own = {"url": "https://id.test/live.m3u8", "hosts": ["CDN.id.test"], "resolve": ["id.test:443:127.0.0.3"]}
    scenario = Scenario.model_validate(changed(data, "regions.id.target", own))
    target = scenario.targets["id"]
    assert (target.url, target.owner, target.nodes) == (own["url"], scenario.target.owner, scenario.target.nodes)
    assert target.claimed_hosts == {"id.test", "cdn.id.test"} | {host.lower() for host in scenario.target.hosts}
    assert target.resolve == (*scenario.target.resolve, "id.test:443:127.0.0.3")
    assert scenario.targets["in"] == scenario.target
    urls = {viewer.region: viewer.url for viewer in arrivals(scenario)}
    assert urls == {"id": own["url"], "in": scenario.target.url, "br": scenario.target.url}


def test_one_worker_cannot_send_one_host_to_two_places(data: dict[str, Any]) -> None:
    """Each region alone can be carried, and both where they agree."""
    own = {"url": "https://live.test/x.m3u8", "resolve": ["live.test:443:127.0.0.3"]}
    other = {**own, "resolve": ["live.test:443:127.0.0.4"]}
    scenario = Scenario.model_validate(changed(changed(data, "regions.id.target", own), "regions.in.target", other))
    assert "live.test:443:127.0.0.3" in reach_of_all(scenario, ["id", "br"]).resolve
    with pytest.raises(InputError, match=r"in\.target\.resolve: live\.test:443 has other addresses than for id"):
        reach_of_all(scenario, ["id", "in"])
    same = Scenario.model_validate(changed(changed(data, "regions.id.target", own), "regions.in.target", own))
    assert list(reach_of_all(same, ["id", "in"]).resolve).count("live.test:443:127.0.0.3") == 1
