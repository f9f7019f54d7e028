"""The policy of docs/store.md is enough for every command, and each of its actions is needed: moto enforces it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from loadtests.errors import InputError
from loadtests.run import RUN_FILE
from surgecast.store.address import Address
from surgecast.store.bucket import Bucket, connect
from surgecast.store.fetching import cached_run, pull
from surgecast.store.ledger import read_ledger_at, record_at
from surgecast.store.listing import folders
from surgecast.store.refusals import ACTIONS
from surgecast.store.sending import push
from tests.house.tree import blocks
from tests.store.made import a_folder, a_large_folder
from tests.store.test_ledger import entry

SMALL, LARGE = Address("my-runs", "2026/small"), Address("my-runs", "2026/large")


def policy() -> dict[str, Any]:
    (block,) = blocks(Path("docs/store.md"), "json")
    return dict(json.loads(block.text))


def actions(document: dict[str, Any]) -> set[str]:
    listed = [one["Action"] for one in document["Statement"]]
    return {action for one in listed for action in ([one] if isinstance(one, str) else one)}


def without(action: str) -> dict[str, Any]:
    document = policy()
    for one in document["Statement"]:
        listed = [one["Action"]] if isinstance(one["Action"], str) else one["Action"]
        one["Action"] = [other for other in listed if other != action] or ["s3:GetBucketLocation"]
    return document


def everything(folder: Path, bucket: Bucket) -> None:
    """All that the commands do: send small and large, go on with an upload, fetch, list, keep a ledger."""
    push(a_folder(folder / "small"), SMALL, bucket)
    large = a_large_folder(folder / "large", 9)
    key = f"{LARGE.key}/{RUN_FILE}"
    note = {"to": f"{LARGE}/{RUN_FILE}", "upload": bucket.begin(key)}
    (large / f".{RUN_FILE}.upload").write_text(json.dumps(note))
    push(large, LARGE, bucket)
    assert len(list(folders(bucket.listing("2026/")))) == 2
    cached_run(LARGE, bucket)
    record_at(entry(), Address("my-runs", "2026/ledger"), bucket)
    assert read_ledger_at(Address("my-runs", "2026/ledger"), bucket).entries == (entry(),)
    pull(SMALL, folder / "back", bucket)


@pytest.fixture
def somebody(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the process a user of a policy, in a world where nothing else is allowed."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")

    def act(document: dict[str, Any], call: Callable[[], None]) -> None:
        with mock_aws():
            boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="my-runs")
            iam = boto3.client("iam")
            iam.create_user(UserName="somebody")
            iam.put_user_policy(UserName="somebody", PolicyName="runs", PolicyDocument=json.dumps(document))
            key = iam.create_access_key(UserName="somebody")["AccessKey"]
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
                patch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
                patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
                set_initial_no_auth_action_count(0)(call)()

    return act


def test_the_policy_names_the_actions_of_the_calls_and_no_others() -> None:
    assert actions(policy()) == set(ACTIONS.values())


def test_the_calls_are_those_that_are_listed(s3: Any, tmp_path: Path) -> None:
    bucket = connect("my-runs")
    called: set[str] = set()
    bucket.client.meta.events.register("before-call.s3", lambda model, **_: called.add(model.name))
    everything(tmp_path, bucket)
    assert called == set(ACTIONS)


def test_the_policy_is_enough(somebody: Any, tmp_path: Path) -> None:
    somebody(policy(), lambda: everything(tmp_path, connect("my-runs")))


@pytest.mark.parametrize("action", sorted(set(ACTIONS.values())))
def test_each_action_is_needed_and_named_where_it_is_missing(somebody: Any, tmp_path: Path, action: str) -> None:
    with pytest.raises(InputError, match="access denied") as caught:
        somebody(without(action), lambda: everything(tmp_path, connect("my-runs")))
    assert f"allow {action} there" in caught.value.hint


def test_another_prefix_is_not_open(somebody: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="access denied"):
        somebody(policy(), lambda: push(a_folder(tmp_path / "run"), Address("my-runs", "2027/run")))
